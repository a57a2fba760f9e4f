import type { HealthCheck } from './dockerfile.ts'

/** What an image that we did not make brings along, as far as a container of it notices; programs are this machine's. */
export interface StandIn {
  /** Lines of /etc/passwd. */
  users: string[]
  environment: Record<string, string>
  folder: string
  user: string
  command: string[]
  /** A shell script before the command: what the image's entry point does. `"$@"` is the command. */
  entryPoint: string | undefined
  stopSignal: string
  healthCheck: HealthCheck | undefined
  /** Folders of the image and who owns them (`uid mode`): what a new volume there takes over. */
  folders: Record<string, { owner: number; mode: number }>
  /** Programs under another name than here. */
  links: Record<string, string>
  /** Programs that this machine must have. */
  needs: string[]
}

const plain = {
  users: [],
  environment: {},
  folder: '/',
  user: 'root',
  entryPoint: undefined,
  stopSignal: 'SIGTERM',
  healthCheck: undefined,
  folders: {},
  links: {}
}

// As the image's entry point makes a database: by the superuser's password, without one by the socket and from inside, and
// with what the scripts of its folder add while nobody else can reach it.
const POSTGRES = `
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA" && chmod 700 "$PGDATA"
  initdb -D "$PGDATA" --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" --encoding=UTF8 --locale=C.UTF-8 \
    --auth-local=trust --auth-host=scram-sha-256 --no-sync --no-instructions
  printf 'host all all 127.0.0.1/32 trust\\nhost all all all scram-sha-256\\nlocal all all trust\\n' > "$PGDATA/pg_hba.conf"
  pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -k /run/postgresql" -w start
  export PGHOST=/run/postgresql
  for script in /docker-entrypoint-initdb.d/*.sh; do . "$script"; done
  unset PGHOST
  pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@" -c listen_addresses='*' -k /run/postgresql`

export const standIns: Record<string, StandIn> = {
  postgres: {
    ...plain,
    users: ['postgres:x:999:999::/var/lib/postgresql:/bin/bash'],
    environment: { PGDATA: '/var/lib/postgresql/18/docker' },
    command: ['postgres'],
    entryPoint: POSTGRES,
    stopSignal: 'SIGINT',
    folders: { '/var/lib/postgresql': { owner: 999, mode: 0o1777 } },
    needs: [
      'initdb',
      'pg_ctl',
      'postgres',
      'psql',
      'pg_isready',
      'pg_dump',
      'pg_restore',
      'dropdb',
      'createdb'
    ]
  },
  'valkey/valkey': {
    ...plain,
    users: ['valkey:x:999:999::/home/valkey:/bin/sh'],
    folder: '/data',
    command: ['valkey-server'],
    folders: { '/data': { owner: 999, mode: 0o1777 } },
    links: { 'valkey-server': 'redis-server', 'valkey-cli': 'redis-cli' },
    needs: ['redis-server', 'redis-cli']
  },
  caddy: {
    ...plain,
    environment: { XDG_CONFIG_HOME: '/config', XDG_DATA_HOME: '/data' },
    folder: '/srv',
    command: ['caddy', 'run', '--config', '/etc/caddy/Caddyfile', '--adapter', 'caddyfile'],
    folders: {
      '/data': { owner: 0, mode: 0o755 },
      '/config': { owner: 0, mode: 0o755 },
      '/srv': { owner: 0, mode: 0o755 }
    },
    needs: ['caddy', 'wget']
  },
  node: {
    ...plain,
    users: ['node:x:1000:1000::/home/node:/bin/bash'],
    command: ['node'],
    needs: ['npm']
  }
}
