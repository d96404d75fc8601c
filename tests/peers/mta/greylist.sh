#!/bin/sh
# A filter of OpenSMTPD (smtpd-filters(7)): who writes to "grey" for the first time is put off.
while IFS='|' read -r kind version time subsystem phase session token argument; do
    case "$kind|$version" in
    'config|ready')
        echo 'register|filter|smtp-in|rcpt-to'
        echo 'register|ready'
        ;;
    filter\|*)
        answer=proceed
        case "$argument" in
        grey@*)
            [ -n "$seen" ] || answer='reject|451 4.7.1 Greylisted, please try again later'
            seen=yes
            ;;
        esac
        echo "filter-result|$session|$token|$answer"
        ;;
    esac
done
