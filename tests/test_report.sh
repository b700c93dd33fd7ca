#!/usr/bin/env bash
# plateau report: verdicts, figures and what they rest on, from a database as it is; in a browser without script, if Chromium is there. And
# plateau compare of two databases. Speaks TAP.
. "${SOURCE:?}/tests/cli.sh"
cd "$work" || exit 1

# ---- two databases: T^1 in one, T^1.2 in the other, and a study that one has alone
table() { # exponent of T
    echo T,d,B,seed,plateau
    awk -v g="$1" 'BEGIN { for (T = 64; T <= 1024; T *= 2) for (d = 16; d <= 64; d *= 2) for (s = 1; s <= 2; s++) printf "%d,%d,1,%d,%.6f\n", T, d, s, sqrt(d) * T ^ g * (1 + (s == 1 ? 0.01 : -0.01) * (T % 3 ? 1 : -1)) }'
}
table 1 >one.csv && table 1.2 >two.csv
claim() { printf -- '- {id: %s, statement: "%s", quantity: %s, of: "%s", on: "%s", study: %s, published: %s, tolerance: %s}\n' "$@"; }
{
    claim law.T "T exponent" exponent T d,T mine 1 0.05
    claim law.d "d exponent" exponent d d,T mine 0.5 0.05
    claim law.C "constant" constant "" d,T mine 1 50
    claim law.alone "d exponent of more" exponent d d,T more 0.5 0.05
    claim law.never "of no study" exponent d d,T none 0.5 0.05
    printf -- '- {id: flow, statement: "no runs", quantity: value, of: plateau, where: "T=64 d=16", published: 357, tolerance: 5}\n'
} | sed 's/of: "", //' >mine.yaml
"$plateau" import one.csv --db one.db model=toy --study mine --quiet &&
    "$plateau" import two.csv --db two.db model=toy --study mine --quiet &&
    "$plateau" import one.csv --db two.db model=toy sampler=statistics --study more --quiet
ok $? "databases"
"$plateau" compare one.db two.db --claims mine.yaml >changes; ok $? "compare of two: 0"
grep -q '^law.T  *reproduced -> deviates  T exponent' changes && grep -A1 '^law.T ' changes |
    grep -q 'expected 1 +- 0.05, here 1 .* -> 1.2 .*; 30 -> 30 runs'
ok $? "the verdict that changed, with both estimates"
grep -q '^law.alone' changes && ! grep -qE '^(law.d|law.never|flow) ' changes; ok $? "what did not change is not listed"
grep -q '^5 claims on runs, one.db -> two.db: 1 verdicts changed, . estimates moved under the same verdict, 1 measured in one database alone, . as before, 1 without runs in either; 1 more claims need no runs$' changes
ok $? "but counted"
"$plateau" compare one.db two.db --claims mine.yaml --json >lines && [[ $(wc -l <lines) == 5 ]] &&
    grep -q '"id": "law.T", "change": "verdict", .*"before": {"verdict": "reproduced", .*"after": {"verdict": "deviates", .*"difference": 0.2' lines &&
    "$(dirname "$plateau")/json_lines" id change statement published before after difference <lines
ok $? "--json"
"$plateau" compare one.db one.db --claims mine.yaml --strict | grep -q '0 verdicts changed, 0 estimates moved'
ok $? "a database against itself: nothing, also with --strict"
"$plateau" compare one.db two.db --claims mine.yaml --strict >out 2>err; [[ $? == 1 ]] && grep -q '1 of 5 verdicts changed' err
ok $? "--strict: 1"
fails 2 'needs one database, or two' compare one.db two.db one.db
fails 2 'no-such.db' compare one.db no-such.db
fails 2 'no claim is about this study' compare one.db two.db --claims mine.yaml --study nothing

# ---- the report
fails 2 'report: needs one database' report
fails 2 'no-such.db' report no-such.db
[[ ! -e report ]]; ok $? "and no folder is made"
cp one.db before.db
"$plateau" report one.db --claims mine.yaml --quiet && [[ -s report/index.html && -s report/report.md &&
    -s report/manifest.json ]] && cmp -s one.db before.db
ok $? "your own claims on your own runs; the database is as it was"
page=report/index.html
grep -q '<h3 id="claim-law.T">' $page && grep -q '<a href="#claim-law.T">law.T</a>' $page &&
    ! grep -q 'claim-flow' $page && ! grep -q 'claim-law.never' $page
ok $? "each claim on runs leads to what it rests on"
[[ $(grep -c '<svg' $page) == 6 && $(grep -c 'class="fit"' $page) == 6 && $(grep -c 'class="expected"' $page) == 2 ]]
ok $? "a fit and its residuals for each, an expected line for each exponent"
grep -q 'The runs behind it: 30' $page; ok $? "and the runs"
sed -n '/id="details"/,/id="studies"/p' $page >details
(($(wc -l <details) > 20)) && grep -q 'law.T' details && ! grep -qE 'nan|inf[^o]' details; ok $? "no number that is none"
if command -v gnuplot >/dev/null; then
    "$plateau" sweep "$source/validation/studies/fig1c.yaml" --db theory.db --quiet &&
        "$plateau" sweep "$source/validation/studies/fig2-left.yaml" --db theory.db --quiet &&
        "$plateau" report theory.db --out theory --quiet
    ok $? "what a database holds of the paper's studies"
    page=theory/index.html
    grep -q '<figure id="fig-1c-large">' $page && grep -q 'href="#fig-1c-large"' $page && ! grep -q 'id="fig-2-left-large"' $page
    ok $? "its figures, each with a larger one"
    rows theory.db >before && "$plateau" report theory.db --out theory --quiet && rows theory.db | cmp -s before -; ok $? "no run is made"
else
    skip "figures in the report" "gnuplot is not installed"
fi
{ sed 's/of no study/<script>alert(1)<\/script> [x](javascript:y) \\\\| a/' mine.yaml >bad.yaml; "$plateau" report one.db --claims bad.yaml --out bad --quiet; } && grep -q '&lt;script>alert(1)&lt;/script> \\\[x' bad/report.md && ! grep -q '<script' bad/report.md bad/index.html
ok $? "elements and links in a statement are words, in Markdown too"
printf -- '- {id: esc, statement: "a\\e[2Jb", quantity: value, of: plateau, where: "T=64 d=16", published: 357, tolerance: 5}\n' >bad.yaml
fails 2 'statement: has control characters' compare one.db --claims bad.yaml
printf 'T,\e[2Jd,plateau\n64,16,5\n' >bad.csv; "$plateau" import bad.csv --db bad.db model=toy >out 2>err; ! grep -q $'\e' err && grep -q '?\[2Jd' err
ok $? "no escape sequence reaches the terminal by a message"
echo mine >victim; rm bad/index.html bad/report.md; ln -s "$PWD/victim" bad/index.html; ln -s "$PWD/victim" bad/report.md
"$plateau" report one.db --claims mine.yaml --out bad --quiet && [[ $(cat victim) == mine && ! -L bad/index.html && -s bad/report.md ]]
ok $? "links in the folder are replaced, not followed"
cp one.db before.db
for option in --checkpoint --trace; do
    fails 2 'one.db: is a database, which is not overwritten' train T=16 d=4 $option one.db
done
fails 2 'one.db: is a database, which is not overwritten' fit one.db --residuals one.db
fails 2 'one.db: is a database, which is not overwritten' batch model=transformer T=16 d=4 --out one.db
cmp -s one.db before.db; ok $? "and is as it was"
! grep -qE '<script|<link|<iframe|@import|url\(|(src|href)="?(https?:)?//' $page; ok $? "no script, nothing is loaded"
[[ $(grep -c 'href="#' $page) -gt 5 && $(grep -o 'href="#[^"]*"' $page | sort -u | sed 's/href="#\(.*\)"/\1/' |
    while read -r id; do grep -q "id=\"$id\"" $page || echo "$id"; done) == "" ]]
ok $? "every link within the page leads somewhere"

# ---- in a browser
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
look() { timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$work/browser" --disable-background-networking --hide-scrollbars "$@" 2>/dev/null; }
if [[ $browser ]] && look --dump-dom "file://$work/$page" >dom && [[ -s dom ]]; then
    grep -q '<b>reproduced</b>' dom; ok $? "browser: the verdicts are words"
    ! grep -qE '<script|(src|href)="(https?:)?//' dom; ok $? "browser: nothing outside"
    grep -q '<h3 id="claim-' dom && grep -q '<path class="fit"' dom; ok $? "browser: what they rest on"
    look --window-size=1200,900 --screenshot="$work/top.png" "file://$work/$page" && [[ -s top.png ]]; ok $? "browser: rendered"
    if grep -q 'id="fig-1c-large"' dom; then
        look --window-size=1200,900 --screenshot="$work/large.png" "file://$work/$page#fig-1c-large" &&
            [[ -s large.png ]] && ! cmp -s top.png large.png
        ok $? "browser: a figure enlarges"
    fi
else
    skip "in a browser" "Chromium is not installed, or does not start"
fi
finish
