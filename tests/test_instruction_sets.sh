#!/usr/bin/env bash
# Every instruction set that this processor has takes its own path through oneDNN and OpenBLAS: the kernels, the gradients
# and a short training run for each, as the libraries' own variables let it be lowered. Speaks TAP; what this processor has
# not is skipped by name, so that nobody takes "passed" for "tried".
. "${SOURCE:?}/tests/cli.sh"
cd "$work" || exit 1
build=$(dirname "$plateau")
flags=" $(sed -n 's/^flags[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1) "
unset ONEDNN_MAX_CPU_ISA DNNL_MAX_CPU_ISA OPENBLAS_CORETYPE
tiny=(model=transformer T=16 d=4 layers=2 heads=2 width=64 head_dim=32 mlp=2 batch=8 steps=60 eval_every=20 eval_size=8 lr=1e-3 until=cap)

has() { # flag...: of the processor
    local flag
    for flag in "$@"; do [[ $flags == *" $flag "* ]] || return 1; done
}

library() { # key=value...: what multiplies
    "$plateau" train model=transformer T=4 d=2 steps=0 --json --quiet "$@" 2>/dev/null | sed -n 's/.*"library": "\([^"]*\)".*/\1/p'
}

losses() { # key=value...: the losses of a short training run, step by step
    "$plateau" train "${tiny[@]}" --quiet --trace trace.csv "$@" >out 2>err && cut -d, -f1,3 trace.csv
}

near() { # file, file: the same steps, and losses within one part in a thousand
    paste -d, "$1" "$2" | awk -F, 'NR > 1 { if ($1 != $3 || !(($2 - $4) ^ 2 <= 1e-6 * $2 ^ 2)) bad = 1 } END { exit bad || NR != 5 }'
}

units() { # name of the set, programs...: the kernels and the gradients
    local program log
    for program in "${@:2}"; do
        log=$("$build/$program" 2>&1) && ! grep -q '^not ok' <<<"$log" && grep -q '^1\.\.[1-9]' <<<"$log"
        ok $? "$program, $1"
        grep '^not ok' <<<"$log" | sed 's/^/# /'
    done
}

losses backend=reference >reference.csv
[[ $(wc -l <reference.csv) == 5 ]]; ok $? "losses by the reference"

# oneDNN: the set asked for, and what the library then says it uses
if [[ $(library) == oneDNN* ]]; then
    for pair in SSE41:sse4.1 AVX2:avx2 AVX512_CORE:avx512 AVX512_CORE_BF16:avx512bf16 AVX512_CORE_AMX:amx; do
        export ONEDNN_MAX_CPU_ISA=${pair%:*}
        if [[ $(library backend=onednn) != *", ${pair#*:} + "* ]]; then
            skip "oneDNN with $ONEDNN_MAX_CPU_ISA" "this processor has no ${pair#*:}"
            continue
        fi
        units "oneDNN with $ONEDNN_MAX_CPU_ISA" test_tensor test_implementations
        losses backend=onednn >onednn.csv && near onednn.csv reference.csv; ok $? "training, oneDNN with $ONEDNN_MAX_CPU_ISA"
    done
    unset ONEDNN_MAX_CPU_ISA
else
    skip "oneDNN" "built without it"
fi

# OpenBLAS: a kernel that was built in, on a processor that has its instructions
if [[ $(library backend=blas) == OpenBLAS* ]]; then
    while read -r core needs; do
        export OPENBLAS_CORETYPE=$core
        # shellcheck disable=SC2086 # words
        if [[ $flags == "  " ]]; then
            skip "OpenBLAS with $core" "/proc/cpuinfo does not say what this processor has"
        elif ! has $needs; then
            skip "OpenBLAS with $core" "this processor has not all of: $needs"
        elif [[ $(library backend=blas) != *", $core" ]]; then
            skip "OpenBLAS with $core" "this OpenBLAS has no kernels for it"
        else
            CK_RUN_CASE=gradients_of_every_backend units "OpenBLAS with $core" test_implementations
            losses backend=blas >blas.csv && near blas.csv reference.csv; ok $? "training, OpenBLAS with $core"
        fi
    done <<'CORES'
Prescott pni
Nehalem sse4_2
Sandybridge avx
Haswell avx2 fma
Zen avx2 fma
SkylakeX avx512f avx512bw avx512vl
Cooperlake avx512_bf16
Sapphirerapids avx512_bf16 amx_bf16
CORES
    unset OPENBLAS_CORETYPE
else
    skip "OpenBLAS" "another CBLAS is in use"
fi
finish
