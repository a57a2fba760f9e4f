import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { IDeployment } from 'kubernetes-models/apps/v1'
import type { IIngress, INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1'
import type { INamespace, IService, IServiceAccount } from 'kubernetes-models/v1'
import { parse } from 'yaml'
import { manifestFaults } from './manifest-faults.ts'

const FOLDER = fileURLToPath(new URL('../../deploy/kubernetes/', import.meta.url))

export interface Manifests {
  Deployment: IDeployment
  Ingress: IIngress
  Namespace: INamespace
  NetworkPolicy: INetworkPolicy
  PodDisruptionBudget: IPodDisruptionBudget
  Service: IService
  ServiceAccount: IServiceAccount
}

interface Kustomization {
  namespace: string
  resources: string[]
  configMapGenerator: Array<{ name: string; envs: string[] }>
  images: Array<{ name: string; newTag: string }>
  replicas: Array<{ name: string; count: number }>
}

/** Returns the names of all files of deploy/kubernetes. */
export function manifestFiles(): string[] {
  return readdirSync(FOLDER).sort()
}

export function readKustomization(): Kustomization {
  return read('kustomization.yaml') as Kustomization
}

/** Returns the resources of kustomization.yaml by their kind. Throws an Error if one does not fit the Kubernetes API. */
export function readManifests(): Manifests {
  const manifests = readKustomization().resources.map((name) => {
    const manifest = read(name) as Manifests[keyof Manifests]
    const faults = manifestFaults(manifest)
    if (faults.length > 0) throw new Error(`${name}:\n${faults.join('\n')}`)
    return [manifest.kind, manifest]
  })
  return Object.fromEntries(manifests)
}

/** Returns the lines NAME=value of settings.env, and with `commented` those that a comment offers. */
export function readSettingsEnv({ commented = false } = {}): Record<string, string> {
  const text = readFileSync(join(FOLDER, 'settings.env'), 'utf8')
  const lines = text.matchAll(commented ? /^#?([A-Z_]+)=(.*)$/gm : /^([A-Z_]+)=(.*)$/gm)
  return Object.fromEntries(Array.from(lines, ([, name, value]) => [name, value]))
}

// kubectl reads YAML 1.1: 0440 is octal.
function read(name: string): unknown {
  return parse(readFileSync(join(FOLDER, name), 'utf8'), { version: '1.1', merge: true })
}
