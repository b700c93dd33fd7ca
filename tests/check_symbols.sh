#!/usr/bin/env bash
# The libraries' symbols: a file exports only names that begin with its module's; no library needs one that comes after it in the order of the
# data flow; none exports what nobody uses; no source includes a header from a later directory; sources keep to 600 lines of 120 columns. Speaks TAP.
. "${SOURCE:?}/tests/cli.sh"
order=(base parallel tensor models run store study validation plan figures report)
cd "$(dirname "$plateau")" || exit 1
libraries=() defined=
for library in "${order[@]}"; do [[ -f lib$library.a ]] && libraries+=("$library"); done

for library in "${libraries[@]}"; do
    # A file may be split: store_read.c may export store_*, where there is a store.c.
    foreign=$(nm -A -g --defined-only "lib$library.a" 2>/dev/null | awk -F'[: ]' '{ print $2, $NF }' |
        sed -E 's/^lib[a-z]+_a-//; s/\.o / /' |
        awk '{ file[NR] = $1; name[NR] = $2; module[$1] }
             END { for (i = 1; i <= NR; i++) {
                       good = name[i] ~ /^__/ # what a sanitizer adds
                       for (m in module)
                           good = good || (index(file[i] "_", m "_") == 1 && index(name[i] "_", m "_") == 1)
                       if (!good) printf " %s.c exports %s", file[i], name[i] } }')
    [[ -z $foreign ]]; ok $? "lib$library.a: every exported name begins with its module's${foreign:+:$foreign}"
done

# Names wanted from libraries that come later: undefined in this one, defined in a later one, and not in this or an earlier one.
for ((i = 0; i < ${#libraries[@]}; i++)); do
    later=()
    for library in "${libraries[@]:i+1}"; do later+=("lib$library.a"); done
    defined+=$'\n'$(nm -g --defined-only "lib${libraries[i]}.a" 2>/dev/null | awk 'NF == 3 { print $3 }')
    wrong=
    if ((${#later[@]})); then
        wrong=$(comm -12 <(nm -g --undefined-only "lib${libraries[i]}.a" 2>/dev/null | awk 'NF == 2 { print $2 }' |
            sort -u | comm -23 - <(sort -u <<<"$defined")) \
            <(nm -g --defined-only "${later[@]}" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u))
    fi
    [[ -z $wrong ]]; ok $? "lib${libraries[i]}.a needs no later library${wrong:+: $wrong}"
done

# Headers, for what the linker cannot see (types, macros, inline functions).
declare -A floor
folders=(src/base src/parallel src/tensor models src/run src/store src/study validation src/plan plots/figures plots/report src/cli)
for ((i = 0; i < ${#folders[@]}; i++)); do
    room=${folders[i]#src/} # as it stands in an #include
    for header in "$source/${folders[i]}"/*.h; do floor[$room/${header##*/}]=$i; done
done
for ((i = 0; i < ${#folders[@]}; i++)); do
    wrong=
    for file in "$source/${folders[i]}"/*.[ch]; do
        [[ -f $file ]] || continue
        for header in $(sed -n 's/^#include "\(.*\)"/\1/p' "$file"); do
            ((${floor[$header]:-0} <= i)) || wrong+=" ${file##*/} includes $header"
        done
    done
    [[ -z $wrong ]]; ok $? "${folders[i]} includes nothing from above it${wrong:+:$wrong}"
done

# Circles of includes: a file with its header is one module. None but a head with its parts: a table of kinds that names them, or a module in several
# files with a header of their own.
parts='tensor/kernels (tensor/(reference|vector|blas|onednn|self_test))|models/task models/[a-z_]+|store/store store/store_sql'
parts+='|validation/power_law validation/power_law_solver|plots/report/report plots/report/report_summary|plots/figures/figure plots/figures/figure_data'
parts+='|models/transformer models/transformer_internal'
for folder in "${folders[@]}"; do
    for file in "$source/$folder"/*.[ch]; do
        module=${file#"$source/"} module=${module#src/} module=${module%.*}
        sed -n 's/^#include "\(.*\)\.\(h\|def\)"/\1/p' "$file" | sed "s|^|$module |"
    done
done | awk '$1 != $2' | grep -vxE "$parts" | tsort 2>&1 >/dev/null | sed 's/^tsort: //' >"$work/circles"
[[ ! -s $work/circles ]]; ok $? "no circle of includes but a head with its parts $(head -n 4 "$work/circles" | tr '\n' ' ')"

# Dead code: a name that no other file needs, of library, program or test, and that its own does not call. __: what a sanitizer adds.
wanted=$(nm -g --undefined-only lib*.a src/cli/*.o tests/*.o 2>/dev/null | awk 'NF == 2 { print $2 }' | sort -u)
for library in "${libraries[@]}"; do
    dead=
    for name in $(nm -g --defined-only "lib$library.a" 2>/dev/null | awk 'NF == 3 && $3 !~ /^__|\.resolver$/ { print $3 }' | sort -u | comm -23 - <(echo "$wanted")); do
        (($(grep -rho --include='*.[ch]' "\b$name(" "$source"/src "$source"/models "$source"/validation "$source"/plots "$source"/tests | wc -l) > 2)) || dead+=" $name"
    done
    [[ -z $dead ]]; ok $? "lib$library.a: every exported name is used${dead:+, but not:$dead}"
done

long=$(find "$source"/src "$source"/models "$source"/validation "$source"/plots "$source"/tests \( -name '*.[ch]' -o -name '*.sh' \) -exec awk 'FNR == 601 { print FILENAME }' {} +)
[[ -z $long ]]; ok $? "every source has at most 600 lines${long:+: $long}"
wide=$(find "$source"/src "$source"/models "$source"/validation "$source"/plots "$source"/tests -name '*.[ch]' -exec awk '
    /clang-format off/ { off = 1 } /clang-format on/ { off = 0 } # its lines are not C
    !off && length > 120 { print FILENAME ":" FNR }' {} +)
[[ -z $wide ]]; ok $? "and lines of at most 120 columns${wide:+: $wide}"
finish
