#!/bin/sh
# A worker of the agent `review`, of curl and jq: sh worker.sh
set -eu
url=${BLACKBOARD_URL:-http://127.0.0.1:8787}/v1/agents/review
grade='if (.payload.text | length) > 20 then "thorough" else "short" end'

post() { # The token is not an argument, because other users can see those.
  printf 'header = "Authorization: Bearer %s"\n' "$BLACKBOARD_TOKEN" |
    curl --config - -sS --fail-with-body -X POST -H 'Content-Type: application/json' -d "$2" "$url$1"
}

while :; do
  activation=$(post '/claims?wait=30s&lease=2m' '{}') || { sleep 1; continue; }
  [ -n "$activation" ] || continue # there was no work
  id=$(printf %s "$activation" | jq .id)
  result=$(printf %s "$activation" |
    jq "{fence, marks: [.marks[] | {kind: \"verdict\", subject, payload: {grade: ($grade)}}]}")
  if end=$(post "/activations/$id/finish" "$result"); then
    printf 'activation %s is %s\n' "$id" "$(printf %s "$end" | jq -r .state)"
  else
    failure=$(printf %s "$activation" | jq '{fence, reason: "the result was refused"}')
    post "/activations/$id/fail" "$failure" > /dev/null || sleep 1
  fi
done
