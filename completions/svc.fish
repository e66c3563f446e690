# fish completion for svc(1) and svcd(8)
# What may stand at the cursor says `svc complete`; see COMPLETION in svc(1).

function __svc_complete
    set -l left (commandline -cp | string collect)
    set -l svc svc
    # The very one that is typed, if it is one.
    set -l typed (commandline -op)[1]
    string match -qr '(^|/)svc$' -- $typed; and set svc (string replace -r '^~/' "$HOME/" -- $typed)
    # While it completes, fish shows nobody what stands behind the cursor.
    set -l rows (command $svc complete fish "$left" "" 2>/dev/null </dev/null)
    set -l what (string split -m 1 ' ' -- $rows[1])[1]
    set -e rows[1]
    string join \n -- $rows

    # Of --option=PATH the path alone.
    set -l token (commandline -ct)
    set -l option (string match -r '^--[^=]*=' -- $token)
    set -l path (string replace -- "$option" '' $token)
    switch "$what"
        case files
            set rows (complete -C "__fish_command_without_completions $path")
            string join \n -- "$option"$rows
        case service-files
            __fish_complete_suffix $path .toml
        case directories
            set rows (__fish_complete_directories $path '')
            string join \n -- "$option"$rows
        case command
            complete -C (string replace -r '^.*? -- ' '' -- $left)
    end
end

complete -c svc -c svcd -f -k -a '(__svc_complete)'
