#!/usr/bin/awk -f
# Sums the "test result:" lines of a cargo test log; prints "PASSED FAILED".
/^test result: / {
    for (i = 2; i <= NF; i++) {
        if ($i ~ /^passed;?$/) passed += $(i - 1)
        if ($i ~ /^failed;?$/) failed += $(i - 1)
    }
}
END { print passed + 0, failed + 0 }
