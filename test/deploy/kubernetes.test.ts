import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'
import { SECOND } from '../../domain/clock.ts'
import { loadSettings } from '../../domain/settings/settings.ts'
import manifest from '../../package.json' with { type: 'json' }
import { build } from '../harness/build.ts'
import { manifestFiles, readKustomization, readManifests, readSettingsEnv } from '../harness/kubernetes.ts'
import { manifestFaults } from '../harness/manifest-faults.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

/** What an operator puts into the Secret. */
const SECRETS: Record<string, string> = {
  'database-url': 'postgres://gatehouse:Kx7vQ2mZ9pLr@postgres.database:5432/gatehouse',
  'master-key': 'q0Hn3xB7wJcV5tKz9rLmYf2sGdPa8UeXoTi4NvRb6ZQyEjWkMlCh1DgFuSpAO7-_',
  'redis-url': 'redis://:Kx7vQ2mZ9pLr@valkey.database:6379'
}

t.test('the manifests for Kubernetes', async (t) => {
  const kustomization = readKustomization()
  const { Deployment, Service, Ingress, Namespace, NetworkPolicy, PodDisruptionBudget, ServiceAccount } =
    readManifests()
  const pod = Deployment.spec?.template.spec
  const [container] = pod?.containers ?? []
  const settings = readSettingsEnv()
  const mount = container?.volumeMounts?.[0]
  const readSecret = (path: string) => {
    const value = SECRETS[path.replace(`${mount?.mountPath}/`, '')]
    if (value === undefined) throw new Error(`${path} is not mounted`)
    return value
  }
  const modeOf = () => pod?.volumes?.[0]?.secret?.defaultMode ?? 0o644
  const portNamed = (name: unknown) => container?.ports?.find((port) => port.name === name)?.containerPort

  t.test('are all listed in kustomization.yaml', async (t) => {
    const listed = [
      ...kustomization.resources,
      ...kustomization.configMapGenerator.flatMap(({ envs }) => envs)
    ]
    t.strictSame(manifestFiles(), [...listed, 'kustomization.yaml'].sort())
  })

  t.test('are what kubectl builds, if there is a kubectl', async (t) => {
    const folder = fileURLToPath(new URL('../../deploy/kubernetes', import.meta.url))
    const built = await promisify(execFile)('kubectl', ['kustomize', folder]).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error
        t.comment('there is no kubectl here: only the schemas have judged the files')
      }
    )
    if (built) t.equal(built.stdout.split('\n---\n').length, kustomization.resources.length + 1)
  })

  t.test('name the image of docker-compose.yml', async (t) => {
    const { image } = parse(read('docker-compose.yml'), { merge: true }).services.gatehouse
    t.strictSame(
      kustomization.images.map(({ name, newTag }) => `${name}:${newTag}`),
      [image]
    )
    t.equal(`${container?.image}:${manifest.version}`, image)
  })

  t.test('have settings that the service accepts without a warning, with Valkey and without', async (t) => {
    for (const commented of [false, true]) {
      const { config, warnings } = loadSettings(readSettingsEnv({ commented }), readSecret, modeOf)
      t.strictSame(warnings, [])
      t.equal(config.DATABASE_URL, SECRETS['database-url'])
      t.equal(config.AUTH_MASTER_KEY, SECRETS['master-key'])
      t.equal(config.REDIS_URL, commented ? SECRETS['redis-url'] : '')
    }
    t.strictSame(container?.envFrom, [{ configMapRef: { name: kustomization.configMapGenerator[0]?.name } }])
    t.equal(container?.env, undefined, 'no secret is in the environment')
  })

  t.test('ask the service’s own port at routes that answer, and send the Service there', async (t) => {
    const { config } = loadSettings(settings, readSecret)
    t.equal(portNamed('http'), config.PORT)
    t.equal(portNamed('metrics'), Number(config.AUTH_METRICS))
    t.equal(portNamed(Service.spec?.ports?.[0]?.targetPort), config.PORT)
    const { browser } = await build(t)
    const probes = [container?.startupProbe, container?.livenessProbe, container?.readinessProbe]
    t.strictSame(
      probes.map((probe) => probe?.httpGet?.path),
      ['/livez', '/livez', '/readyz']
    )
    for (const probe of probes) {
      t.equal(portNamed(probe?.httpGet?.port), config.PORT)
      t.equal((await browser().get(probe?.httpGet?.path ?? '')).status, 200)
    }
  })

  t.test('wait as long for a migration as the Dockerfile does', async (t) => {
    const { failureThreshold = 0, periodSeconds = 0 } = container?.startupProbe ?? {}
    const seconds = failureThreshold * periodSeconds
    t.equal(`${seconds / 60}m`, /--start-period=(\w+)/.exec(read('Dockerfile'))?.[1])
    t.ok((Deployment.spec?.progressDeadlineSeconds ?? 0) > seconds)
  })

  t.test('run as the user of the image, without privileges', async (t) => {
    t.match(read('Dockerfile'), /^USER node$/m)
    // The official image gives `node` this number.
    t.match(pod?.securityContext, { runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 })
    t.strictSame(pod?.securityContext?.seccompProfile, { type: 'RuntimeDefault' })
    t.strictSame(container?.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] }
    })
    t.match(pod, { enableServiceLinks: false, automountServiceAccountToken: false })
    t.equal(ServiceAccount.automountServiceAccountToken, false)
    t.match(Namespace.metadata?.labels, { 'pod-security.kubernetes.io/enforce': 'restricted' })
  })

  t.test('give a pod more time to end than it needs', async (t) => {
    const grace = Number(/^const GRACE = (\d+)$/m.exec(read('server.ts'))?.[1]) / SECOND
    const pause = container?.lifecycle?.preStop?.sleep?.seconds ?? 0
    t.ok(grace > 0)
    t.ok((pod?.terminationGracePeriodSeconds ?? 0) > pause + grace)
  })

  t.test('keep one pod serving while another is replaced', async (t) => {
    t.equal(kustomization.replicas[0]?.count, 2)
    t.strictSame(Deployment.spec?.strategy?.rollingUpdate, { maxUnavailable: 0, maxSurge: 1 })
    t.equal(PodDisruptionBudget.spec?.maxUnavailable, 1)
  })

  t.test('select the pods by their labels', async (t) => {
    const labels = Deployment.spec?.template.metadata?.labels
    t.ok(labels)
    t.strictSame(Deployment.spec?.selector.matchLabels, labels)
    t.strictSame(Service.spec?.selector, labels)
    t.strictSame(PodDisruptionBudget.spec?.selector?.matchLabels, labels)
    t.strictSame(NetworkPolicy.spec?.podSelector?.matchLabels, labels)
  })

  t.test('open only ports that the pod has, and limit both directions', async (t) => {
    t.strictSame(NetworkPolicy.spec?.policyTypes, ['Ingress', 'Egress'])
    const opened = NetworkPolicy.spec?.ingress?.flatMap(({ ports = [] }) => ports.map(({ port }) => port))
    t.strictSame(opened, ['http', 'metrics'])
    t.ok(NetworkPolicy.spec?.ingress?.every(({ from = [] }) => from.length > 0))
  })

  t.test('lead from the issuer’s host to every route but those of one instance', async (t) => {
    const host = new URL(settings.AUTH_ISSUER ?? '').hostname
    const [rule] = Ingress.spec?.rules ?? []
    t.equal(rule?.host, host)
    t.strictSame(Ingress.spec?.tls?.[0]?.hosts, [host])
    const paths = rule?.http?.paths ?? []
    const isServed = (url: string) =>
      paths.some(({ path = '', pathType }) =>
        pathType === 'Exact' ? url === path : url === path || url.startsWith(`${path}/`)
      )
    const { app } = await build(t, { env: { AUTH_DOCS: 'on' } })
    const routes = Object.keys(app.swagger().paths ?? {})
    t.strictSame(
      [...routes, '/', '/docs'].filter((url) => !isServed(url)),
      ['/livez', '/readyz']
    )
    t.notOk(isServed('/metrics'))
  })

  t.test('read the secrets that docs/kubernetes.md creates', async (t) => {
    const created = [...read('docs/kubernetes.md').matchAll(/--from-file=([\w-]+)/g)].map(([, key]) => key)
    const named = Object.entries(readSettingsEnv({ commented: true }))
      .filter(([name]) => name.endsWith('_FILE'))
      .map(([, path]) => path.replace(`${mount?.mountPath}/`, ''))
    t.strictSame(created.sort(), named.sort())
    t.match(read('docs/kubernetes.md'), `create secret generic ${pod?.volumes?.[0]?.secret?.secretName} `)
  })
})

t.test('a manifest is refused', async (t) => {
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' } }
  t.strictSame(manifestFaults({ ...service, spec: { ports: [{ port: 80 }] } } as never), [])

  t.test('with a field that the API does not have', async (t) => {
    t.strictSame(manifestFaults({ ...service, spec: { ports: [{ port: 80, targetport: 1 }] } } as never), [
      '/spec/ports/0/targetport is unknown'
    ])
  })

  t.test('with a value of another type', async (t) => {
    t.match(manifestFaults({ ...service, spec: { ports: [{ port: '80' }] } } as never), [
      '/spec/ports/0/port: type {"type":"integer"}'
    ])
  })
})
