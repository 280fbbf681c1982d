#!/usr/bin/awk -f
# Sums the "test result:" lines of a cargo test log, and the sums of node --test; prints "PASSED FAILED".
/^test result: / {
    for (i = 2; i <= NF; i++) {
        if ($i ~ /^passed;?$/) passed += $(i - 1)
        if ($i ~ /^failed;?$/) failed += $(i - 1)
    }
}
/^# pass / { passed += $3 }
/^# fail / { failed += $3 }
END { print passed + 0, failed + 0 }
