#!/bin/bash
# A plugin in bash: it keeps the core requirements with nothing but the shell.
INFO='"name":"bash-plugin","version":"1.0.0","plugin_kind":"custom","description":"A plugin in bash."'
METHODS='["bash/hello","health/check"]'
if [[ ${1:-} == --manifest || ${1:-} == -m ]]; then
  printf '{%s,"protocol_version":"1.1.0","capabilities":%s}\n' "$INFO" "$METHODS"
  exit 0
fi
opened=no initialized=no
export LC_ALL=C
reply() { printf '{"jsonrpc":"2.0","id":%s,%s}\n' "$1" "$2"; }
fail() { reply "$1" "\"error\":{\"code\":$2,\"message\":\"$3\"}"; }
ID='"id":("[^"]*"|-?[0-9]+)[,}]'
while IFS= read -r line; do
  line=${line%$'\r'}
  case $line in '{'*'}') ;; *) continue ;; esac
  head=${line:0:300}
  [[ $head =~ \"method\":\"([^\"]*)\" ]] || continue
  method=${BASH_REMATCH[1]}
  case $method in
    exit) exit 0 ;;
    '$/cancelRequest') continue ;;
    initialized) opened=$initialized; continue ;;
  esac
  [[ $head =~ $ID ]] || continue
  id=${BASH_REMATCH[1]}
  case $method in
    initialize)
      if [[ $line =~ \"protocol_version\":\"1\. ]]; then
        initialized=yes
        reply "$id" "\"result\":{\"protocol_version\":\"1.1.0\",\"plugin_info\":{$INFO},\"capabilities\":{\"methods\":$METHODS}}"
      else
        fail "$id" -32602 'another major version, or no params'
      fi ;;
    '$/ping' | shutdown) reply "$id" '"result":{}' ;;
    health/check) reply "$id" '"result":{"status":"healthy"}' ;;
    bash/hello)
      if [[ $opened == yes ]]; then reply "$id" '"result":"hello"'; else fail "$id" -32000 'not initialized'; fi ;;
    *) fail "$id" -32601 'unknown method' ;;
  esac
done
exit 0
