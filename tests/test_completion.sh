#!/usr/bin/env bash
# Shell completion: what bash and zsh offer at each place of a command line. Speaks TAP.
. "${SOURCE:?}/tests/cli.sh"
cd "$work" || exit 1
"$plateau" completion bash >bash && mkdir functions && "$plateau" completion zsh >functions/_plateau; ok $? "scripts for both shells"
fails 2 'bash or zsh' completion fish
fails 2 'needs a shell' completion
mkdir -p runs && touch one.db two.db mine.yaml 'a b.csv' && mkdir -p figures
. ./bash; ok $? "bash reads its own"

# What is offered for the last of these words; bash has broken them at '=', unless COMP_WORDBREAKS was changed.
offers() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _plateau 2>/dev/null
    printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd' '
}
offer() { # expected, words...
    local want=$1 got; shift
    got=$(offers "$@"); [[ $got == "$want" ]]; ok $? "bash: $* -> $got"
}
offer 'flow' plateau fl
offer 'fig10 fig11 fig12 fig13 fig14 fig15 fig17 fig1a fig1b fig1c' plateau sweep fig1
offer 'readout= reduced-grid reduced-layers reduced-map reduced-parts reduced-published reduced-settings repeated_tokens= repetition' plateau sweep --scale quick re
offer 'T=' plateau flow T
offer 'eval_every= eval_size=' plateau train seed = 1 eval_
offer '' plateau flow T =
offer 'adam gd sgd' plateau train optimizer =
offer 'sgd' plateau train optimizer = s
offer 'full,paper' plateau flow metric = full,pa
offer 'optimizer=adam' plateau train optimizer=a
offer 'metric=full,tied' plateau flow metric=full,t
offer '--trace' plateau flow --t
offer '--scale --shard' plateau sweep --s
offer 'desk paper quick smoke' plateau sweep --scale ''
offer 'paper' plateau sweep --scale = p
offer 'csv' plateau export one.db --format c
offer 'one.db optimizer=' plateau fit o
offer 'figures functions one.db runs two.db' plateau compare --json ''
offer 'mine.yaml' plateau compare one.db --claims mi
offer 'a b.csv activation= atol=' plateau import a
offer '2-left 2-right' plateau figure 2-
offer 'exponents' plateau figure exp
offer 'check= checkpoint_every=' plateau figure phase che
offer 'pairs' plateau figure phase x = pai
offer 'threads= threshold=' plateau fit one.db thr
offer 'transformers' plateau reproduce tr
offer 'threads threshold' plateau keys thr
offer 'bash' plateau completion b
offer '' plateau nonsense x
got=$(offers plateau ""); [[ " $got " == *" train "* && $(wc -w <<<"$got") -gt 15 ]]; ok $? "bash: every command"

# zsh, typed at: what stands on the line after Tab is run, and `plateau` there prints its words.
typed() { # what zsh makes of `plateau WORDS<Tab>`
    cat >drive <<'Z'
zmodload zsh/zpty
zpty z "cd $1; TERM=dumb; exec zsh -f -i"
zpty -w z 'fpath=($PWD/functions $fpath); autoload -Uz compinit; compinit -D -u; plateau() { print -r -- "<""$*"">"; }; bindkey "^I" complete-word'
zpty -w z "plateau $2"$'\t'
zpty -w z exit
while zpty -r z out; do print -rn -- $out; done
Z
    timeout 30 zsh -f drive "$PWD" "$1" 2>/dev/null | tr -d '\r' | sed -n 's/^<\(.*\)>$/\1/p'
}
if command -v zsh >/dev/null; then
    while IFS='|' read -r words want; do
        got=$(typed "$words"); [[ $got == "$want" ]]; ok $? "zsh: $words -> $got"
    done <<'Z'
swe|sweep
flow metric=pa|flow metric=paper
flow metric=full,ti|flow metric=full,tied
train optim|train optimizer=
sweep --scale qu|sweep --scale quick
sweep --sh|sweep --shard
sweep mi|sweep mine.yaml
fit on|fit one.db
figure 2-l|figure 2-left
figure phase chec|figure phase check
Z
else
    skip "zsh: what is typed" "zsh is not installed"
fi
finish
