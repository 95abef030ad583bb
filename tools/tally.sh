#!/bin/sh
# Says the line that a run of the tests ends on; gotestsum tells the numbers, and has said itself what was skipped.
echo "$((TESTS_TOTAL - TESTS_FAILED - TESTS_SKIPPED)) passed, $TESTS_FAILED failed"
