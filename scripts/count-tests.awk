#!/usr/bin/awk -f
# Sums what the closing lines of a test log say, of cargo test ("test result:"), node --test ("# pass"), Vitest ("Tests  1 failed
# | 11 passed (12)") and Playwright ("  5 passed (10s)", a line a sum); prints "PASSED FAILED".
function sum(    i) {
    for (i = 2; i <= NF; i++) {
        if ($i ~ /^passed;?$/) passed += $(i - 1)
        if ($i ~ /^failed;?$/) failed += $(i - 1)
    }
}
/^test result: / { sum() }
/^ +Tests +[0-9]/ { sum() }
/^ +[0-9]+ (passed|failed)/ { sum() }
/^# pass / { passed += $3 }
/^# fail / { failed += $3 }
END { print passed + 0, failed + 0 }
