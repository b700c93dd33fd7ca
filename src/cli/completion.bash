# Bash breaks words at '=' (COMP_WORDBREAKS), so that KEY=VALUE arrives as three; where it does not, `head` keeps the first two. Of a list
# of values (metric=full,pa) the last is completed.
_plateau()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} name= head=
    local choices= files= keys= settings= options= ending file
    if [[ $cur == '=' ]]; then
        name=$prev cur=
    elif [[ $prev == '=' ]]; then
        name=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $cur == *=* ]]; then
        name=${cur%%=*} head=${cur%%=*}= cur=${cur#*=}
    elif [[ $prev == --* ]] && _plateau_values "$prev"; then
        name=$prev
    fi
    COMPREPLY=()
    if [[ $name ]]; then
        _plateau_values "$name" || return 0
        [[ $name == --* || $cur != *,* ]] || { head+=${cur%,*}, cur=${cur##*,}; }
    elif ((COMP_CWORD == 1)); then
        choices="$_plateau_commands --help --version"
    else
        _plateau_after_command "${COMP_WORDS[1]}"
        if [[ $cur == -* ]]; then
            choices=$options files= keys= settings=
        fi
        [[ ! $keys ]] || choices+=$settings$_plateau_keys
    fi
    mapfile -t COMPREPLY < <(
        compgen -P "$head" -W "$choices" -- "$cur"
        [[ ! $files ]] || compgen -P "$head" -d -- "$cur"
        for ending in $files; do
            [[ $ending == any ]] && ending='*' || ending="*.$ending"
            compgen -f -X "!$ending" -- "$cur" | while IFS= read -r file; do
                [[ -d $file ]] || printf '%s\n' "$head$file"
            done
        done)
    [[ ! $files ]] || compopt -o filenames 2>/dev/null
    [[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null
}
complete -F _plateau plateau
