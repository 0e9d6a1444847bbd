#!/usr/bin/env bash
# Builds the image of this project, runs it, calls every endpoint, reads its log, and checks that it is small and has
# neither root's rights nor a shell. With Docker where an engine answers, else with buildah; where neither is at hand it
# says so and ends with 0. Needs bash and coreutils besides, and openssl and curl for the part with keys and TLS, which is else left out;
# nothing of the image's leaves this machine.
#
#   tools/docker_smoke.sh                   compiles inside the container, on the published base image
#   tools/docker_smoke.sh --prebuilt FILE   puts a program that is already built into the image: seconds, no registry
#
# Environment: ENGINE=docker|buildah; BUILD_IMAGE=NAME another base image to compile on; BUILD_ROOTFS=FOLDER a folder
# (debootstrap makes one) that becomes that base image, for machines without a registry.
set -euo pipefail
cd "$(dirname "$0")/.."
limit=$((60 * 1000 * 1000))
image=localhost/aml-miner:smoke-$$
build_image=localhost/aml-miner-build:smoke-$$
runtime_image=localhost/aml-miner-runtime:smoke-$$
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs

fail() { echo "docker_smoke: $*" >&2; exit 1; }

prebuilt=
case "${1:-}" in
    '') ;;
    --prebuilt) prebuilt=$(realpath "${2:?--prebuilt needs the program}") ;;
    *) fail "unknown argument $1" ;;
esac

engine=${ENGINE:-}
if [ -z "$engine" ]; then
    if timeout 20 docker info >/dev/null 2>&1; then engine=docker
    elif command -v buildah >/dev/null; then engine=buildah
    else echo 'docker_smoke: skipped, neither a Docker engine nor buildah on this machine'; exit 0; fi
fi

work=$(mktemp -d)
container=
runner=
finish() {
    local code=$?
    if [ "$engine" = docker ]; then
        [ -z "$container" ] || docker rm -f "$container" >/dev/null 2>&1 || true
        docker rmi "$image" "$build_image" "$runtime_image" >/dev/null 2>&1 || true
    else
        [ -z "$runner" ] || kill "$(server_pid)" 2>/dev/null || true
        [ -z "$container" ] || buildah rm "$container" >/dev/null 2>&1 || true
        buildah rmi "$image" "$build_image" "$runtime_image" >/dev/null 2>&1 || true
    fi
    [ "$code" = 0 ] || { echo '--- the log of the service'; tail -n 20 "$work/log" 2>/dev/null || true; }
    rm -rf "$work"
}
trap finish EXIT

# --- base images of this machine's own

image_of_folder() { # folder, name
    if [ "$engine" = docker ]; then
        tar -C "$1" -c . | docker import - "$2" >/dev/null
    else
        local c; c=$(buildah from scratch)
        buildah add --quiet "$c" "$1" / >/dev/null
        buildah commit --quiet --rm "$c" "$2" >/dev/null
    fi
}

copy_with_libraries() { # folder, programs: puts them where they are here, with what they load
    local root=$1 program file; shift
    for program in "$@"; do
        # ldd of a static program fails and lists nothing
        for file in "$program" $(ldd "$program" 2>/dev/null | grep -o '/[^ ]*' || true); do
            mkdir -p "$root$(dirname "$file")"
            cp -L "$file" "$root$file"
        done
    done
}

arguments=()
if [ -n "$prebuilt" ]; then
    # the build stage only copies: a shell and five programs of this machine are enough for it
    tools=()
    for tool in sh cp mv mkdir chmod; do tools+=("$(command -v "$tool")"); done
    copy_with_libraries "$work/build" "${tools[@]}"
    for tool in "${tools[@]}"; do
        [ -e "$work/build/bin/$(basename "$tool")" ] || { mkdir -p "$work/build/bin"; cp -L "$tool" "$work/build/bin/"; }
    done
    mkdir -p "$work/build/tmp"
    image_of_folder "$work/build" "$build_image"
    arguments+=(--build-arg "BUILD_IMAGE=$build_image" --build-arg PREBUILT=aml-miner.prebuilt)
    # a program that is not static needs its libraries
    mkdir "$work/runtime"
    copy_with_libraries "$work/runtime" "$prebuilt"
    rm "$work/runtime$prebuilt"
    if [ -n "$(find "$work/runtime" -type f)" ]; then
        image_of_folder "$work/runtime" "$runtime_image"
        arguments+=(--build-arg "RUNTIME_IMAGE=$runtime_image")
    fi
elif [ -n "${BUILD_ROOTFS:-}" ]; then
    image_of_folder "$BUILD_ROOTFS" "$build_image"
    arguments+=(--build-arg "BUILD_IMAGE=$build_image")
elif [ -n "${BUILD_IMAGE:-}" ]; then
    arguments+=(--build-arg "BUILD_IMAGE=$BUILD_IMAGE")
fi

# --- build

mkdir "$work/context"
cp -r Dockerfile .dockerignore Cargo.toml Cargo.lock build.rs src benches tests models fixtures "$work/context/"
if [ -n "$prebuilt" ]; then
    cp "$prebuilt" "$work/context/aml-miner.prebuilt"
    if command -v strip >/dev/null; then strip "$work/context/aml-miner.prebuilt"; fi
fi
echo "docker_smoke: building with $engine"
if [ "$engine" = docker ]; then
    docker build --quiet "${arguments[@]}" -t "$image" "$work/context" >/dev/null
else
    buildah bud --quiet --isolation chroot --format docker "${arguments[@]}" -t "$image" "$work/context" >"$work/build.log" 2>&1 ||
        { tail -n 40 "$work/build.log"; fail 'the image does not build'; }
fi

# --- what the image is

if [ "$engine" = docker ]; then
    size=$(docker image inspect --format '{{.Size}}' "$image")
    user=$(docker image inspect --format '{{.Config.User}}' "$image")
    health=$(docker image inspect --format '{{json .Config.Healthcheck.Test}}' "$image")
    ! docker run --rm --entrypoint /bin/sh "$image" -c true 2>/dev/null || fail 'the image has a shell'
else
    container=$(buildah from "$image")
    root=$(buildah mount "$container")
    size=$(du -sb "$root" | cut -f1)
    user=$(buildah inspect --type image --format '{{.Docker.Config.User}}' "$image")
    health=$(buildah inspect --type image --format '{{.Docker.Config.Healthcheck.Test}}' "$image")
    [ ! -e "$root/bin/sh" ] && [ ! -e "$root/usr/bin/sh" ] || fail 'the image has a shell'
fi
[ "$size" -lt "$limit" ] || fail "the image has $size bytes, limit $limit"
case "$user" in '' | 0* | root*) fail "the image runs as root (user '$user')" ;; esac
case "$health" in *aml-miner*health*) ;; *) fail "no health check by the program itself: $health" ;; esac
echo "docker_smoke: image of $size bytes (limit $limit), user $user, no shell"

# --- run

program=/usr/local/bin/aml-miner
within() { # arguments of the program, in a container that is gone afterwards (buildah: in the one there is)
    if [ "$engine" = docker ]; then docker run --rm "$image" "$@"
    else buildah run --isolation chroot "$container" -- "$program" "$@"; fi
}

server_pid() { # the process of the image among the descendants of the runner
    local pid=$runner child
    for _ in 1 2 3 4 5 6; do
        [ "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)" != "$program serve " ] || { echo "$pid"; return 0; }
        child=$(cat "/proc/$pid/task"/*/children 2>/dev/null | tr -d '\n' | cut -d' ' -f1)
        [ -n "$child" ] || return 1
        pid=$child
    done
    return 1
}

within request --alerts 3 >"$work/body.json"
[ "$(head -c 1 "$work/body.json")" = '{' ] || fail 'the program in the image writes no request'
ask_itself() {
    if [ "$engine" = docker ]; then docker exec "$container" "$program" health
    else buildah run --isolation chroot --env "API_PORT=$port" "$container" -- "$program" health; fi
}
log() { [ "$engine" = buildah ] || docker logs "$container" >"$work/log" 2>&1; }

start() { # options of the engine: starts the service, and waits until it listens
    if [ "$engine" = docker ]; then
        container=$(docker run -d --read-only --cap-drop ALL --tmpfs /tmp -p 127.0.0.1::8000 "$@" "$image")
        port=$(docker port "$container" 8000/tcp | head -n 1 | cut -d: -f2)
    else
        # chroot isolation shares the network of this machine, so the port must be free here
        for port in $(shuf -i 20000-30000 -n 20); do
            (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
        done
        buildah run --isolation chroot --env API_HOST=127.0.0.1 --env "API_PORT=$port" "$@" "$container" -- "$program" serve >"$work/log" 2>&1 &
        runner=$!
    fi
    for _ in $(seq 100); do
        log
        ! grep -qs '"listening"' "$work/log" || break
        sleep 0.1
    done
    grep -q '"listening"' "$work/log" || fail 'the service does not start'
    [ "$engine" = buildah ] || return 0
    pid=$(server_pid) || fail 'the process of the service is not found'
}

stop() { # stops the service; its exit code must be 0
    local code=0
    if [ "$engine" = docker ]; then
        docker stop -t 35 "$container" >/dev/null
        code=$(docker inspect --format '{{.State.ExitCode}}' "$container")
    else
        kill -TERM "$pid"
        wait "$runner" || code=$?
        runner=
    fi
    [ "$code" = 0 ] || fail "the service ended with exit code $code after SIGTERM"
    log
}

start
if [ "$engine" = buildah ]; then
    uid=$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")
    [ "$uid" = "${user%%:*}" ] || fail "the service runs as user $uid, not $user"
fi

calls=0
call() { # method, path, status expected, text expected in the answer, body
    local method=$1 path=$2 expected=$3 text=$4 body=${5:-/dev/null} status
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    printf '%s %s HTTP/1.0\r\nHost: smoke\r\nContent-Type: %s\r\nContent-Length: %s\r\n\r\n' \
        "$method" "$path" "${content_type:-application/json}" "$(cat "$body" | wc -c)" >&3
    cat "$body" >&3
    cat <&3 >"$work/answer"
    exec 3>&-
    calls=$((calls + 1))
    status=$(head -n 1 "$work/answer" | cut -d' ' -f2)
    [ "$status" = "$expected" ] || fail "$method $path: status $status, expected $expected: $(tail -n 1 "$work/answer" | cut -c1-300)"
    grep -q -- "$text" "$work/answer" || fail "$method $path: no $text in: $(tail -n 1 "$work/answer" | cut -c1-300)"
}
header() { tr -d '\r' <"$work/answer" | sed -n "s/^$1: //p"; }

printf 'not json' >"$work/broken.json"
printf '{"alerts": 3}' >"$work/wrong.json"
call GET / 200 /score/alerts
call GET /health 200 '"status":"healthy"'
call GET /version 200 '"engine_version":'
call POST /score/alerts 200 '\\"top_features\\":' "$work/body.json"
first=$(header x-score-digest)
call POST /score/alerts 200 '"alert_id":' "$work/body.json"
[ -n "$first" ] && [ "$first" = "$(header x-score-digest)" ] || fail 'the same request got another digest'
call POST '/score/alerts?explain=false' 200 '"explain_json":null' "$work/body.json"
call POST /rank/alerts 200 '"rank":1,' "$work/body.json"
call POST /score/clusters 200 '"cluster_id":' "$work/body.json"
call POST /score/alerts 400 '"detail":' "$work/broken.json"
content_type=text/csv call POST /score/alerts 415 '"detail":' "$work/body.json"
call POST /score/alerts 422 '"list_type"' "$work/wrong.json"
call POST /health 405 '"detail":'
call GET /no/such/call 404 '"detail":'
call GET /livez 200 '"status":"alive"'
call GET /readyz 200 '"status":"ready"'
call GET /openapi.json 200 '"openapi":"3.1'
call GET /docs 200 '<!doctype html>'
call GET /v2 200 '"name":"aml-miner"'
call GET /v2/health/live 200 '"live":true'
call GET /v2/health/ready 200 '"ready":true'
for path in /dates/available /dates/latest /networks /metadata/latest /metadata/history /scores/alerts/latest \
    /rankings/alerts/latest /scores/clusters/latest; do
    call GET "$path" 404 'no stored results'
done
call GET /admin/models 403 'scope admin'
for model in alert_scorer alert_ranker cluster_scorer; do
    call GET "/v2/models/$model" 200 '"platform":"aml-miner_gbdt"'
    call GET "/v2/models/$model/ready" 200 "$model"
    call POST "/v2/models/$model/infer" 422 '"error":' "$work/wrong.json"
    call POST "/v2/models/$model/explain" 422 '"error":' "$work/wrong.json"
done
call GET /metrics 200 '^aml_miner_http_requests_total{.*route="/score/alerts"'
[ "$(ask_itself)" = healthy ] || fail 'the program in the image finds the service unhealthy'
calls=$((calls + 1))

# --- stop, then the log

stop
if [ "$engine" = buildah ]; then
    # nobody listens any more, and the program says so
    code_of_health=0
    ask_itself >/dev/null 2>&1 || code_of_health=$?
    [ "$code_of_health" = 1 ] || fail "health of a stopped service: exit code $code_of_health, expected 1"
fi
logged=$(grep -c '"message":"request"' "$work/log" || true)
[ "$logged" = "$calls" ] || fail "$logged requests in the log, $calls were made"
! grep '"level":"ERROR"' "$work/log" || fail 'the log has errors'
! grep -v '^{.*}$' "$work/log" || fail 'the log has a line that is not JSON'
grep -q '"stopped"' "$work/log" || fail 'the log does not tell the stop'
echo "docker_smoke: ok, $calls calls answered and logged as JSON, stopped with exit code 0"

# --- the same with keys and TLS, by files that are mounted

if ! command -v openssl >/dev/null || ! command -v curl >/dev/null; then
    echo 'docker_smoke: without openssl and curl, keys and TLS are left out'
    exit 0
fi
secrets=$work/secrets
mkdir -m 777 "$secrets"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout "$secrets/key.pem" -out "$secrets/cert.pem" 2>/dev/null
chmod 644 "$secrets/key.pem"
arguments=(key --file /secrets/keys.json --name smoke --scope score)
if [ "$engine" = docker ]; then
    docker rm -f "$container" >/dev/null
    key=$(docker run --rm -v "$secrets:/secrets" "$image" "${arguments[@]}")
else
    key=$(buildah run --isolation chroot -v "$secrets:/secrets" "$container" -- "$program" "${arguments[@]}")
fi
start -v "$secrets:/secrets:ro" --env AML_MINER_KEYS=/secrets/keys.json --env AML_MINER_TLS_CERT=/secrets/cert.pem --env AML_MINER_TLS_KEY=/secrets/key.pem
shown() { # status expected, path, more of curl's options
    local expected=$1 path=$2 status; shift 2
    status=$(curl -s -o "$work/answer" -D "$work/head" -w '%{http_code}' --cacert "$secrets/cert.pem" "$@" "https://localhost:$port$path") || status=none
    [ "$status" = "$expected" ] || fail "$path over TLS: status $status, expected $expected"
}
post=(-H 'content-type: application/json' --data-binary "@$work/body.json")
shown 200 /livez
shown 401 /score/alerts "${post[@]}"
shown 401 /score/alerts "${post[@]}" -H 'x-api-key: another'
shown 200 /score/alerts "${post[@]}" -H "authorization: Bearer $key"
[ "$(tr -d '\r' <"$work/head" | sed -n 's/^x-score-digest: //p')" = "$first" ] || fail 'another digest over TLS'
shown 403 /version -H "x-api-key: $key"
! curl -s -o /dev/null "http://localhost:$port/livez" || fail 'plain HTTP is answered where TLS is asked for'
stop
! grep -q "$key" "$work/log" || fail 'the log has the key'
echo 'docker_smoke: ok, keys and TLS by mounted files'
