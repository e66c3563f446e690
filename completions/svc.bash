# bash completion for svc(1) and svcd(8)                                             -*- shell-script -*-
# shellcheck shell=bash
# What may stand at the cursor says `svc complete`; see COMPLETION in svc(1).

_svc() {
    local svc=svc answer offset
    local -a rows=()
    COMPREPLY=()
    # The very one that is typed, if it is one.
    [[ ${1##*/} != svc ]] || svc=${1/#\~\//${HOME-}/}
    mapfile -t rows < <(
        command "$svc" complete bash "${COMP_LINE:0:COMP_POINT}" "${COMP_LINE:COMP_POINT}" \
            "$2" "$COMP_TYPE" "${COLUMNS:-0}" "${LINES:-0}" 2>/dev/null </dev/null
    )
    [[ ${#rows[@]} -gt 0 ]] || return 0
    answer=${rows[0]%% *}
    COMPREPLY=("${rows[@]:1}")
    case $answer in
    words) compopt -o nosort ;;
    files) compopt -o default ;;
    directories) compopt -o dirnames ;;
    service-files)
        # Readline quotes what it takes for the name of a file, and looks for one itself where there is none.
        compopt -o filenames -o plusdirs -o default
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -X '!*.toml' -- "$2")
        ;;
    command)
        for ((offset = 1; offset < COMP_CWORD; offset++)); do
            [[ ${COMP_WORDS[offset]} != -- ]] || break
        done
        if declare -F _command_offset >/dev/null; then
            _command_offset "$((offset + 1))"
        elif ((offset + 1 == COMP_CWORD)) && [[ $2 != */* ]]; then
            mapfile -t COMPREPLY < <(compgen -c -- "$2")
        else
            compopt -o default
        fi
        ;;
    esac
}

complete -F _svc svc svcd
