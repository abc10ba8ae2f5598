# SPDX-License-Identifier: BSD-3-Clause
# Completion of nestbox(1) for bash.

# What an option of that command takes, or nothing.
_nestbox_values () {
  case $1 in
    run--file-wall) echo 'auto landlock seccomp' ;;
    run--gpu) echo 'sandbox app' ;;
    run--network | run--audio) echo 'app sandbox' ;;
    run--handshake) echo 'auto deferred immediate' ;;
    run--restart) echo 'same latest' ;;
    spawn--kind) echo 'worker tool' ;;
    run--widevine) echo 'auto off' ;;
    run--pids) echo 'auto visible stand-in' ;;
    policy--format) echo 'table pfc bpf' ;;
  esac
}

_nestbox_options () {
  case $1 in
    run) echo '--help --version --audio= --file-wall= --gpu= --handshake= --helper-name= --network= --pids= --restart= --trace= --widevine=' ;;
    doctor) echo '--help --version --json' ;;
    policy) echo '--help --version --format=' ;;
    audit) echo '--help --version --all --json' ;;
    ps | trace) echo '--help --version --json --watch' ;;
    spawn) echo '--help --version --bus-policy= --kind=' ;;
    bus-gate) echo '--help --version --app= --check' ;;
    identify) echo '--help --version --json --fd= --pid=' ;;
  esac
}

_nestbox_words () {
  case $1 in
    policy) echo 'none zygote renderer utility gpu network unsandboxed-zygote gpu-zygote audio' ;;
  esac
}

# Behind -- of run and spawn stands another command, which may have a completion of its own.
_nestbox_behind_dashes () {
  local i
  for ((i = 2; i < COMP_CWORD; i++)); do
    if [[ ${COMP_WORDS[1]} =~ ^(run|spawn)$ && ${COMP_WORDS[i]} == -- ]]; then
      return 0
    fi
  done
  return 1
}

# bash cuts words at =; here they are whole again.
_nestbox () {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} option
  local command=${COMP_WORDS[1]}

  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W 'run doctor policy audit ps trace identify bus-gate spawn --help --version' -- "$current")
    return
  fi
  if _nestbox_behind_dashes; then
    mapfile -t COMPREPLY < <(compgen -c -f -- "$current")
    return
  fi
  if [[ $current == = || $before == = ]]; then
    option=$before
    if [[ $before == = ]]; then
      option=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if [[ $command$option == run--trace ]]; then
      mapfile -t COMPREPLY < <(compgen -f -- "${current#=}")
      return
    fi
    mapfile -t COMPREPLY < <(compgen -W "$(_nestbox_values "$command$option")" -- "${current#=}")
    return
  fi
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_nestbox_options "$command")" -- "$current")
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then
      compopt -o nospace
    fi
    return
  fi
  case $command in
    policy) mapfile -t COMPREPLY < <(compgen -W "$(_nestbox_words policy)" -- "$current") ;;
    doctor | trace | bus-gate) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    audit) mapfile -t COMPREPLY < <(cd /proc && compgen -G '[0-9]*' | grep "^$current") ;;
  esac
}

complete -o filenames -F _nestbox nestbox
