# SPDX-License-Identifier: BSD-3-Clause
# Completion of nestbox(1) for fish.

complete -c nestbox -f
complete -c nestbox -l help -d 'List the options'
complete -c nestbox -l version -d 'Print the version'

complete -c nestbox -n __fish_use_subcommand -a run -d 'Start a browser with its zygote in a sub-sandbox of its own'
complete -c nestbox -n __fish_use_subcommand -a doctor -d 'Say what works here, measured, and what to do about the rest'
complete -c nestbox -n __fish_use_subcommand -a policy -d 'Print what the base filter of a kind of child denies'
complete -c nestbox -n __fish_use_subcommand -a audit -d 'Say what confines the children of a running browser, measured'
complete -c nestbox -n __fish_use_subcommand -a ps -d 'List running browsers, their sub-sandboxes and children'
complete -c nestbox -n __fish_use_subcommand -a trace -d 'Print the messages recorded of a browser, decoded'
complete -c nestbox -n __fish_use_subcommand -a identify -d 'Say which child a process, or the peer of a socket, is'
complete -c nestbox -n __fish_use_subcommand -a bus-gate -d 'Say what a policy gives a child on the session bus'
complete -c nestbox -n __fish_use_subcommand -a spawn -d 'Run a program of the app in a sub-sandbox'

complete -c nestbox -n '__fish_seen_subcommand_from run' -l file-wall -x -a 'auto landlock seccomp' -d 'What denies files to pages'
complete -c nestbox -n '__fish_seen_subcommand_from run' -l gpu -x -a 'sandbox app' -d 'Where the GPU process lives'
complete -c nestbox -n '__fish_seen_subcommand_from run' -l handshake -x -a 'auto deferred immediate' -d 'When the browser reads the greeting of its zygote'
complete -c nestbox -n '__fish_seen_subcommand_from run' -l helper-name -x -d 'What the browser calls its sandbox helper'
complete -c nestbox -n '__fish_seen_subcommand_from run' -l network -x -a 'app sandbox' -d 'Where the network service lives'
complete -c nestbox -n '__fish_seen_subcommand_from run' -l audio -x -a 'app sandbox' -d 'Where the audio service lives'
complete -c nestbox -n '__fish_seen_subcommand_from run' -l pids -x -a 'auto visible stand-in' -d 'How the browser knows its children'
complete -c nestbox -n '__fish_seen_subcommand_from run' -l widevine -x -a 'auto off' -d 'Folder of Widevine that pages see'
complete -c nestbox -n '__fish_seen_subcommand_from run' -l restart -x -a 'same latest' -d 'Version of the app in which the browser restarts'
complete -c nestbox -n '__fish_seen_subcommand_from run' -l trace -r -F -d 'Record messages for nestbox trace'
complete -c nestbox -n '__fish_seen_subcommand_from run' -a '(__fish_complete_command)'

complete -c nestbox -n '__fish_seen_subcommand_from doctor' -l json -d 'For programs'
complete -c nestbox -n '__fish_seen_subcommand_from doctor' -F

complete -c nestbox -n '__fish_seen_subcommand_from policy' -l format -x -a 'table pfc bpf' -d 'How it is printed'
complete -c nestbox -n '__fish_seen_subcommand_from policy' -a 'none zygote renderer utility gpu network unsandboxed-zygote gpu-zygote audio'

complete -c nestbox -n '__fish_seen_subcommand_from audit' -l all -d 'Every child of every browser here'
complete -c nestbox -n '__fish_seen_subcommand_from audit' -l json -d 'For programs'
complete -c nestbox -n '__fish_seen_subcommand_from audit' -a '(__fish_complete_pids)'

complete -c nestbox -n '__fish_seen_subcommand_from ps' -l json -d 'For programs'
complete -c nestbox -n '__fish_seen_subcommand_from ps' -l watch -d 'Show it until q or Ctrl-C'

complete -c nestbox -n '__fish_seen_subcommand_from trace' -l json -d 'For programs'
complete -c nestbox -n '__fish_seen_subcommand_from trace' -l watch -d 'Go on until the browser has ended'
complete -c nestbox -n '__fish_seen_subcommand_from trace' -F
complete -c nestbox -n '__fish_seen_subcommand_from identify' -l json -d 'For programs'
complete -c nestbox -n '__fish_seen_subcommand_from identify' -l fd -x -d 'A connected socket, or a pidfd'
complete -c nestbox -n '__fish_seen_subcommand_from identify' -l pid -x -a '(__fish_complete_pids)' -d 'A process'

complete -c nestbox -n '__fish_seen_subcommand_from bus-gate' -l check -d 'Try the proxy that is there as well'
complete -c nestbox -n '__fish_seen_subcommand_from bus-gate' -l app -x -d 'For this app'
complete -c nestbox -n '__fish_seen_subcommand_from bus-gate' -F

complete -c nestbox -n '__fish_seen_subcommand_from spawn' -l bus-policy -r -F -d 'What it may do on the session bus'
complete -c nestbox -n '__fish_seen_subcommand_from spawn' -l kind -x -a 'worker tool' -d 'How it is confined'
complete -c nestbox -n '__fish_seen_subcommand_from spawn' -a '(__fish_complete_subcommand --fcs-skip=2)'
