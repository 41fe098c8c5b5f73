# SPDX-License-Identifier: MIT
# TAP for the tests in shell: sourced, with $folder to write into.
n=0 failed=0
# ok WHAT COMMAND...: it succeeds; what it has written is shown if it does not
ok() {
	local what=$1
	shift
	n=$((n + 1))
	if "$@" >"$folder/out" 2>&1; then echo "ok $n - $what"; else
		failed=1
		echo "not ok $n - $what"
		tail -20 "$folder/out" | sed 's/^/# /'
	fi
}
# The plan, and the status of the test.
tap_ends() {
	echo "1..$n"
	exit $failed
}
