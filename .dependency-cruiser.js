/**
 * Imports run one way: server → app → core → plugins, routes → domain ← store; schemas are imported by all. The verifier, which other
 * services install, knows nothing of the house; the house uses it.
 */
const sources = '^(server|cli|app|core)\\.ts$|^(plugins|routes|schemas|domain|store|commands|verifier)/'

const only = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: from },
  to: { path: sources, pathNot: allowed }
})

export default {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'nothing-imports-the-entries', severity: 'error', from: {}, to: { path: '^(server|cli)\\.ts$' } },
    only('schemas-import-nothing', '^schemas/', '^(schemas/|verifier/duration\\.ts$)'),
    only('verifier-knows-nothing-of-the-house', '^verifier/', '^verifier/'),
    only('domain-knows-schemas-alone', '^domain/', '^((domain|schemas)/|verifier/(?!fastify|express))'),
    only('store-knows-the-domain-alone', '^store/', '^(store/|domain/|verifier/revocation-set\\.ts$)'),
    only('plugins-know-what-is-below', '^plugins/', '^(plugins|store/index\\.ts|domain|schemas|verifier)'),
    only('routes-know-no-store', '^routes/', '^(routes|plugins|domain|schemas|verifier)/'),
    only(
      'commands-use-the-core',
      '^commands/',
      '^(commands/|plugins/(valkey|mail)/|(core|settings)\\.ts$|store/(index|inspection)\\.ts$|store/sqlite/(backup|path|restore)\\.ts$|domain/|schemas/|routes/views/)'
    ),
    {
      name: 'store-is-opened-by-its-plugin',
      severity: 'error',
      from: { path: '^plugins/', pathNot: '^plugins/store\\.ts$' },
      to: { path: '^store/' }
    },
    {
      name: 'one-door-into-a-session',
      severity: 'error',
      from: { path: sources, pathNot: '^domain/sign-in/complete\\.ts$' },
      to: { path: '^domain/sessions/open\\.ts$' }
    },
    {
      name: 'domain-without-fastify-or-sql',
      severity: 'error',
      from: { path: '^(domain|schemas)/' },
      to: { path: 'node_modules/(@?fastify|kysely|pg|better-sqlite3)' }
    },
    {
      name: 'verifier-with-its-own-dependencies',
      severity: 'error',
      from: { path: '^verifier/' },
      to: {
        pathNot: '^verifier/|node_modules/(fast-jwt|jose|fastify-plugin|fastify)/',
        dependencyTypesNot: ['core']
      }
    },
    {
      name: 'sql-in-the-store-alone',
      severity: 'error',
      from: { path: sources, pathNot: '^store/' },
      to: { path: 'node_modules/(kysely|pg|better-sqlite3)/' }
    },
    {
      name: 'production-without-tests-or-dev-dependencies',
      severity: 'error',
      from: { path: sources },
      to: { path: '^(test|bench|examples)/', dependencyTypesNot: ['type-only'] }
    }
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(\\.tap|examples|verifier/dist)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' }
  }
}
