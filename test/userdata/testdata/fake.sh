#!/bin/bash
# Every command that the script under test must not really run: it notes how it
# was called and behaves as the files in $WORLD say. Its name is its role.
name=${0##*/}
printf '%s %s\n' "$name" "$*" >>"$WORLD/calls"

# fails NAME: whether this call is one of those that shall fail. $WORLD/fail.NAME
# holds how many are left.
fails() {
  local left
  [[ -f $WORLD/fail.$1 ]] || return 1
  left=$(<"$WORLD/fail.$1")
  ((left > 0)) || return 1
  echo $((left - 1)) >"$WORLD/fail.$1"
}

# argument that follows FLAG in the rest.
after() {
  local flag=$1
  shift
  while (($#)); do
    [[ $1 == "$flag" ]] && { echo "$2"; return; }
    shift
  done
}

arrive() { for tool in "$@"; do ln -sf "$WORLD/fake.sh" "$WORLD/bin/$tool"; done; }

case $name in
  sleep | systemctl | amazon-linux-extras) ;;

  dnf | yum | apt-get)
    fails packages && exit 1
    for package in "$@"; do
      case $package in
        docker | docker.io) arrive docker ;;
        awscli | awscli-2) arrive aws ;;
        curl) arrive curl ;;
        amazon-cloudwatch-agent)
          mkdir -p "$WORLD/opt/aws/amazon-cloudwatch-agent/bin"
          ln -sf "$WORLD/fake.sh" "$WORLD/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"
          ;;
      esac
    done
    ;;

  dpkg)
    [[ $1 == --print-architecture ]] && echo amd64
    ;;

  amazon-cloudwatch-agent-ctl)
    fails agent && exit 1
    config=$(after -c "$@")
    cp "${config#file:}" "$WORLD/agent.json"
    ;;

  uname) echo x86_64 ;;

  docker)
    case "$1 $2" in
      "info "*) ;;
      "compose version") [[ ! -f $WORLD/no-compose || -x $WORLD/usr/local/lib/docker/cli-plugins/docker-compose ]] ;;
      "image inspect")
        shift 2
        for image in "$@"; do grep -qxF "$image" "$WORLD/images" || exit 1; done
        ;;
      "login "*)
        read -r password
        fails login && exit 1
        [[ $password == registry-password ]]
        ;;
      "pull "*)
        fails pull && exit 1
        echo "${@: -1}" >>"$WORLD/images"
        ;;
      "compose -f")
        case " $* " in
          *" up "*)
            fails up && exit 1
            printf 'backend\nfrontend\n' >"$WORLD/running"
            ;;
        esac
        ;;
    esac
    ;;

  aws)
    case "$1 $2" in
      "ecr get-login-password") echo registry-password ;;
      "secretsmanager get-secret-value")
        fails secret && exit 254
        cat "$WORLD/secrets/$(after --secret-id "$@")"
        ;;
      "autoscaling complete-lifecycle-action")
        fails report && exit 254
        after --lifecycle-action-result "$@" >>"$WORLD/reports"
        ;;
      *) exit 2 ;;
    esac
    ;;

  curl)
    url=${*: -1}
    [[ $* == *"-X PUT"* ]] && url=$(printf '%s\n' "$@" | grep '^http')
    file=$(after -o "$@")
    case $url in
      */latest/api/token) echo a-metadata-token ;;
      */latest/meta-data/instance-id)
        read -r header
        [[ $header == 'X-aws-ec2-metadata-token: a-metadata-token' ]] || exit 22
        echo i-0123456789abcdef0
        ;;
      https://truststore.pki.rds.amazonaws.com/*)
        fails truststore && exit 22
        echo '-----BEGIN CERTIFICATE-----' >"$file"
        ;;
      https://github.com/docker/compose/*) echo 'a compose plugin' >"$file" ;;
      https://amazoncloudwatch-agent-*) echo 'a package' >"$file" ;;
      http://127.0.0.1:5000/health | http://127.0.0.1:5000/ready)
        if [[ -f $WORLD/running && ! -f $WORLD/backend-sick ]]; then printf 200; else printf 000; exit 7; fi
        ;;
      http://127.0.0.1:80/healthz)
        if [[ -f $WORLD/running && ! -f $WORLD/frontend-sick ]]; then printf 200; else printf 503; fi
        ;;
      *) exit 6 ;;
    esac
    ;;
esac
