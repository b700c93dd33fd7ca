#!/usr/bin/env bash
# What the program says about itself: every key, option, command and exit code is documented; the defaults are the paper's; JSON parses.
. "${SOURCE:?}/tests/cli.sh"
json=$(dirname "$plateau")/json_lines
cd "$work" || exit 1
"$plateau" man >man; "$plateau" keys >keys; "$plateau" help >help
mapfile -t keys < <(sed -n 's/^KEY(\([A-Za-z0-9_]*\),.*/\1/p' "$source/src/base/keys.def")
mapfile -t commands < <(awk '$1 == "plateau" { print $2 }' help | grep -v :)
mapfile -t options < <(sed -n '/^#define OPTIONS/,/^$/s/^ *X(\([a-z_]*\),.*/\1/p' "$source/src/cli/cli.h" | tr _ -)
((${#keys[@]} > 40 && ${#commands[@]} > 10 && ${#options[@]} > 10))
ok $? "${#keys[@]} keys, ${#commands[@]} commands, ${#options[@]} options are looked at"

missing=
for key in "${keys[@]}"; do
    "$plateau" keys "$key" >one && grep -qE "^  $key +[a-zA-Z1].{9}" one && grep -qE 'type: .+ default: .+' one &&
        grep -q "^\.B $key$" man && grep -qE "^  $key " keys || missing+=" $key"
done
[[ -z $missing ]]; ok $? "every key has a meaning, a type and a default, in keys and man$missing"
missing=
for command in "${commands[@]}"; do
    "$plateau" help "$command" >one && [[ $(wc -l <one) -ge 2 ]] && "$plateau" "$command" --help | cmp -s - one &&
        grep -qE "^\.B $command( |$)" man || missing+=" $command"
    cat one >>every_help
done
[[ -z $missing ]]; ok $? "every command has its help, also as --help, and is in the man page$missing"
missing=
for option in "${options[@]}"; do
    grep -qE "^    --$option .*[a-z]{3}" every_help && grep -qE "^\.B \\\\-\\\\-$option( |$)" man || missing+=" $option"
done
[[ -z $missing ]]; ok $? "every option is one of some command, and documented$missing"
missing=
for setting in $(sed -n '/^#define FIGURE_SETTINGS/,/^$/s/^ *X(\([a-z_]*\),.*/\1/p' "$source/plots/figures/figure.h"); do
    "$plateau" help figure | grep -qE "^    $setting=.* .*[a-z]{3}" && grep -qE "^\.B $setting=" man || missing+=" $setting"
done
[[ -z $missing ]]; ok $? "so are the settings of a figure$missing"
missing=
for code in 0 1 2 3 75 130; do grep -qE "^\.B $code$" man || missing+=" $code"; done
[[ -z $missing ]]; ok $? "every exit code is in the man page$missing"

# One version, in the program, the citation and the news
version=$("$plateau" help | sed -n '1s/^plateau \([0-9.]*\):.*/\1/p')
grep -qx "version: $version" "$source/CITATION.cff" && grep -q "^## $version" "$source/NEWS.md"
ok $? "version $version in the citation and the news"

# Files that the documents name in backquotes are there (NAME stands for one that a reader adds)
missing=
for name in $(grep -hoE '`[a-z]+/[a-zA-Z0-9_/.-]+\.(c|h|def|sh|mk|gp|yaml|awk|css|py|txt)`' "$source"/*.md "$source"/doc/*.md "$source"/models/README.md | tr -d '`' | sort -u); do
    [[ $name == *NAME* || -e $source/$name || $name == build/* || $name == report/* ]] || missing+=" $name"
done
[[ -z $missing ]]; ok $? "the documents name files that exist$missing"

# The manual: every page (but those that local.mk calls `behind`) is a man page without a warning, and links to what is there; formats.md
# has every column; theory.md names the claims and tests that show each difference from the paper, and all of them exist.
missing=
for page in "$source"/doc/*.md; do
    name=$(basename "$page" .md)
    ! grep -qE "^behind = .*%D%/$name\.md( |$)" "$source/doc/local.mk" || continue
    awk -v version=0 -f "$source/doc/man.awk" "$page" >page.7 && grep -q "^\.SH NAME$" page.7 &&
        ! grep -qE '[`]|^#' page.7 || missing+=" $name"
    if command -v groff >/dev/null; then [[ -z $(groff -man -t -rcR=1 -Tutf8 -ww -z page.7 2>&1) ]] || missing+=" groff:$name"; fi
    grep -qE "^man[57]_MANS = .*plateau-$name\.[57]( |$)" "$source/doc/local.mk" &&
        grep -qE "^manual = .*%D%/$name\.md( |$)" "$source/doc/local.mk" &&
        grep -qE "^\.BR plateau-$name \([57]\)" man || missing+=" local.mk, man:$name"
done
[[ -z $missing ]]; ok $? "every page of the manual is a man page$missing"
missing=$(cd "$source" && for page in *.md doc/*.md; do
    grep -oE '\]\([^)#: ]+' "$page" | sed 's/^](//' | sort -u |
        while read -r link; do [[ -e $(dirname "$page")/$link ]] || printf ' %s:%s' "$page" "$link"; done
done)
[[ -z $missing ]]; ok $? "links of the documents lead somewhere$missing"
missing=
"$plateau" flow T=64 d=16 --trace flow.csv --quiet >/dev/null; "$plateau" train T=16 d=4 steps=1 --trace toy.csv --quiet >/dev/null
"$plateau" train model=transformer T=8 d=4 width=16 head_dim=4 steps=1 --trace r.csv --quiet >/dev/null
"$plateau" train model=transformer task=recall pairs=2 vocab=8 width=16 head_dim=4 steps=1 --trace a.csv --quiet >/dev/null
"$plateau" flow T=64 d=16 --json >one.json; printf 'study: s\nruns:\n- {T: 64, d: 4}\n' >s.yaml; "$plateau" sweep s.yaml --quiet
for column in $(cat flow.csv toy.csv r.csv a.csv | grep -h '[a-z]' | tr , '\n' | grep -E '^[a-z_0-9]+$' | grep -vE '_l[0-9]+h([2-9]|1$)|_l[2-9]') attention_l1h1 copy_l1h1 select_l1h1 \
    $("$plateau" export s.db | sed -n 1p | tr , '\n' | sed 's/^solver_//; s/^crossing_//'); do
    grep -qxF -e "$column" <<<"$(printf '%s\n' "${keys[@]}")" || grep -qE "(^0\.[0-9]+$)" <<<"$column" ||
        grep -qE "\`[^\`]*\b$column\b" "$source/doc/formats.md" || missing+=" $column"
done
[[ -z $missing ]]; ok $? "formats.md has every column of traces and databases$missing"
missing=
for id in $(sed -n '/^## What shows it/,$p' "$source/doc/theory.md" | awk -F'|' '/^[|] E/ { print $3, $4 }' | grep -oE '`[^`]+`' | tr -d '`'); do grep -qE "^- id: $id$" "$source"/validation/claims*.yaml || missing+=" $id"; done
for test in $(sed -n '/^## What shows it/,$p' "$source/doc/theory.md" | awk -F'|' '/^[|] E/ { print $5 }' | grep -oE '`[^`]+`' | tr -d '`'); do grep -qE "^START_TEST\($test\)" "$source"/tests/*.c || missing+=" $test"; done
for number in $(grep -ohE '^(- id|  erratum): E[0-9]+' "$source"/validation/claims*.yaml | grep -oE 'E[0-9]+' | sort -u); do
    [[ $(grep -cE "^\| $number \|" "$source/doc/theory.md") == 2 ]] || missing+=" $number"
done
[[ -z $missing ]]; ok $? "theory.md: each difference from the paper is stated, with claims and tests that exist$missing"

# Table 1 of the paper (C27): key, kind of run, default
while read -r key kind value; do
    "$plateau" keys "$key" | grep -qE "default: (.*[ ,])?$value \(([^)]*, )?$kind( Transformer)?(,[^)]*)?\)|default: $value$"
    ok $? "default of $key, $kind: $value"
done <<'T'
layers regression 2
layers recall 4
heads regression 4
heads recall 4
width regression 256
width recall 256
head_dim regression 64
head_dim recall 64
mlp regression 4
mlp recall 4
norm regression none
norm recall pre
skip regression yes
skip recall yes
optimizer regression adam
optimizer recall adam
lr regression 1e-4
lr recall 1e-4
lr toy 1
batch regression 32
batch recall 32
threshold flow 0.2
threshold regression 0.2
threshold recall 0.05
T flow 512
T regression 256
d flow 64
pairs recall 32
vocab recall 256
init flow zero
T

"$plateau" flow T=64,128 p=0,.3 --json |
    "$json" T d seed plateau unit status initial_loss null_loss final_loss crossings wall_s version predicted solver
ok $? "flow --json parses"
# The tables for other programs: the same keys, commands and options
"$plateau" keys --json >keys.json && "$json" name type default range low high choices unit group identity meaning <keys.json &&
    [[ $(sed -E 's/^\{"name": "([^"]*)".*/\1/' keys.json) == "$(printf '%s\n' "${keys[@]}")" ]]
ok $? "keys --json has every key"
[[ $(grep '"name": "T"' keys.json) == *'"type": "integer", "default": {"flow": 512, "toy": 512, "reduced": 256, "regression": 256}, "range": "[2,1000000000]", "low": 2, "high": 1000000000, "choices": null, "unit": "tokens"'* ]] &&
    [[ $(grep '"name": "rtol"' keys.json) == *'"type": "number", "default": {"flow": 1e-8, "reduced": 1e-8}'* ]] &&
    [[ $(grep '"name": "loss"' keys.json) == *'"type": "choice", "default": {"flow": "test", "toy": "test"}, "range": null, "low": null, "high": null, "choices": ["test", "train"]'* ]] &&
    grep -q '"name": "clamp", "type": "clamp"' keys.json && grep -q '"name": "schedule", "type": "schedule"' keys.json &&
    [[ $(grep '"name": "threads"' keys.json) == *'"identity": false'* ]]
ok $? "with defaults, ranges, choices"
"$plateau" keys T --json | cmp -s - <(grep '"name": "T"' keys.json); ok $? "keys T --json is its line"
fails 2 'threshhold: no such key; did you mean threshold' keys threshhold --json
"$plateau" help --json >help.json && "$json" command words summary options settings <help.json &&
    [[ $(sed -E 's/^\{"command": "([^"]*)".*/\1/' help.json) == "$(printf '%s\n' "${commands[@]}")" ]]
ok $? "help --json has every command"
missing=
for command in "${commands[@]}"; do
    "$plateau" help "$command" --json | cmp -s - <(grep "^{\"command\": \"$command\"" help.json) &&
        [[ $("$plateau" help "$command" | sed -nE 's/^    (--)?([a-z-]+)[ =].*/\2/p') == "$("$plateau" help "$command" --json | grep -oE '\{"name": "[^"]*"' | cut -d'"' -f4)" ]] || missing+=" $command"
done
[[ -z $missing ]]; ok $? "with its options$missing"
grep -q '"name": "strict", "argument": null' help.json && grep -q '"name": "study", "argument": "NAME"' help.json; ok $? "flags and arguments"

"$plateau" train T=16 d=4 steps=5 optimizer=sgd,adam --json | "$json" lr plateau status steps_done tokens_per_s backend precision
ok $? "train --json parses"
printf 'T,d,seed,plateau,status\n64,16,1,360,emerged\n128,16,1,720,emerged\n256,16,1,1440,emerged\n512,16,1,,censored\n' >mine.csv
"$plateau" import mine.csv --db mine.db --study $'a "quoted", \\ \xc3\xbcber name' model=toy steps=2000 --quiet
ok $? "a study with a difficult name"
"$plateau" flow T=64 d=16 --trace t.csv >/dev/null; printf 'study: c\ncurves: yes\nruns:\n- {T: [64, 70], d: 4, p: [0, .5]}\n' >c.yaml; "$plateau" sweep c.yaml --db mine.db --quiet
"$plateau" export mine.db --format jsonl --curves | "$json" id hash study status T plateau cap crossings predicted solver
ok $? "export --format jsonl parses"
"$plateau" fit mine.db model=toy --json | "$json" method runs exponents constant r2; ok $? "fit --json parses"
"$plateau" compare mine.db --claims "$source/validation/claims.yaml" --json | "$json" id verdict published tolerance estimate low high expected spread bound
ok $? "compare --json parses"
awk -F'"[^"]*"|,' 'NR == 1 { n = NF } NR > 1 && !/quoted/ && NF != n { exit 1 }' <("$plateau" export mine.db) &&
    "$plateau" export mine.db | grep -q '"a ""quoted"", \\ über name"'
ok $? "export as CSV quotes what needs it"
fails 2 'UTF-8' import mine.csv --db bad.db --study $'\xff\xfe' model=toy steps=2000
fails 2 'without /' import mine.csv --db bad.db --study ../x model=toy steps=2000
fails 2 'expected key=value' flow $'\xff\xfe=1'
fails 2 'T must be' flow $'T=\xff'
"$plateau" help $'\xff' 2>err; [[ $? == 2 ]]; ok $? "a command that is not text"
finish
