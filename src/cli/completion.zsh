# KEY=VALUE is one word here; compset takes away what stands before the part to complete. Of a list of values (metric=full,pa) the last is
# completed.
_plateau()
{
    local choices= files= keys= settings= options= name= previous=$words[CURRENT-1] ending
    if [[ $PREFIX == *=* ]]; then
        name=${PREFIX%%=*}
        compset -P 1 '*='
    elif [[ $previous == --* ]] && _plateau_values $previous; then
        name=$previous
    fi
    if [[ -n $name ]]; then
        _plateau_values $name || return 1
        [[ $name == --* ]] || compset -P '*,'
    elif (( CURRENT == 2 )); then
        choices="$_plateau_commands --help --version"
    else
        _plateau_after_command $words[2]
        if [[ $PREFIX == -* ]]; then
            choices=$options files= keys= settings=
        fi
    fi
    [[ -z $keys ]] || compadd -S '' -- ${=settings} ${=_plateau_keys}
    compadd -- ${=choices}
    for ending in ${=files}; do
        [[ $ending == any ]] && _files || _files -g "*.$ending"
    done
}
if [[ $funcstack[1] == _plateau ]]; then
    _plateau "$@"
else
    compdef _plateau plateau
fi
