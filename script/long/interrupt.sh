# cancels, timeouts and terminations at random moments; ROUNDS=N (200) of them
# shellcheck shell=bash

need_for_interrupt() {
	need_for_tap
}

part_interrupt() {
	rounds_of interrupt 025_interrupt.pl 200
}
