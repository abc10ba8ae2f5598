# SPDX-License-Identifier: BSD-3-Clause
"""The real-Flatpak test rig: a private runtime, app, installation and session."""
