import { Gauge } from '@prometheus-io/client'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { SECOND } from '../../domain/clock.ts'

/** A metric: its name without the prefix, its help text, and the function that reads it at each scrape. */
type Reading = [name: string, help: string, read: () => number]

/** Registers the gauges: queues, ages, connections. They are read at each scrape, and cost nothing in between. */
export default fp(
  async (fastify) => {
    if (!fastify.instruments) return
    const registers = [fastify.instruments.registry]
    const readings = [
      ...hashing(fastify),
      ...revocations(fastify),
      ...signingKeys(fastify),
      ...database(fastify),
      ...valkey(fastify)
    ]
    for (const [name, help, read] of readings) {
      new Gauge({
        name: `gatehouse_${name}`,
        help,
        registers,
        collect() {
          this.set(read())
        }
      })
    }
  },
  {
    name: 'gauges',
    dependencies: ['instruments', 'passwords', 'revocations', 'signing-keys', 'store', 'valkey']
  }
)

function hashing({ passwords: { hasher } }: FastifyInstance): Reading[] {
  return [
    ['password_hashes_running', 'Password hashes at work.', () => hasher.load().running],
    ['password_hashes_waiting', 'Password hashes that wait for their turn.', () => hasher.load().waiting]
  ]
}

function revocations({ revocations: { state } }: FastifyInstance): Reading[] {
  return [
    ['revocations_age_seconds', 'Since revocations were last read.', () => state().age / SECOND],
    ['revocations_live', 'Revocations that count.', () => state().live]
  ]
}

function signingKeys({ signingKeys: { schedule }, clock }: FastifyInstance): Reading[] {
  return [
    [
      'signing_key_age_seconds',
      'For how long the active key has signed.',
      () => Math.max(0, clock() - schedule().active.activatesAt) / SECOND
    ],
    [
      'signing_key_next_timestamp_seconds',
      'When the next key begins to sign; 0 where there is none.',
      () => (schedule().next?.activatesAt ?? 0) / SECOND
    ],
    ['signing_keys_retired', 'Keys that signed before and are kept.', () => schedule().retired.length]
  ]
}

function database({ store }: FastifyInstance): Reading[] {
  if (store.engine === 'sqlite') {
    return [['sqlite_writes_waiting', 'Writes that wait for their turn.', () => store.load().waiting]]
  }
  const connections = () => store.load().connections ?? { active: 0, idle: 0 }
  return [
    ['postgres_connections_active', 'Connections in use.', () => connections().active],
    ['postgres_connections_idle', 'Connections that nobody uses.', () => connections().idle],
    ['postgres_connections_waiting', 'Callers that wait for a connection.', () => store.load().waiting]
  ]
}

function valkey({ valkey }: FastifyInstance): Reading[] {
  if (!valkey) return []
  return [['valkey_connected', '1 while Valkey can be asked.', () => (valkey.status === 'ready' ? 1 : 0)]]
}
