import { validate as validateDeployment } from 'kubernetes-models/_schemas/IoK8sApiAppsV1Deployment'
import { validate as validateNamespace } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Namespace'
import { validate as validateService } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Service'
import { validate as validateServiceAccount } from 'kubernetes-models/_schemas/IoK8sApiCoreV1ServiceAccount'
import { validate as validateIngress } from 'kubernetes-models/_schemas/IoK8sApiNetworkingV1Ingress'
import { validate as validateNetworkPolicy } from 'kubernetes-models/_schemas/IoK8sApiNetworkingV1NetworkPolicy'
import { validate as validatePodDisruptionBudget } from 'kubernetes-models/_schemas/IoK8sApiPolicyV1PodDisruptionBudget'

/** A compiled schema of the Kubernetes API. It leaves its errors on itself, as Ajv does. */
type Validate = ((data: unknown) => boolean) & {
  errors?: Array<{ instancePath: string; keyword: string; params: object }> | null
}

const VALIDATORS: Record<string, Validate> = {
  'apps/v1 Deployment': validateDeployment,
  'networking.k8s.io/v1 Ingress': validateIngress,
  'networking.k8s.io/v1 NetworkPolicy': validateNetworkPolicy,
  'policy/v1 PodDisruptionBudget': validatePodDisruptionBudget,
  'v1 Namespace': validateNamespace,
  'v1 Service': validateService,
  'v1 ServiceAccount': validateServiceAccount
}

/** Returns what the API server would refuse in a manifest: wrong or missing values, and unknown fields. */
export function manifestFaults(manifest: { apiVersion: string; kind: string }): string[] {
  const type = `${manifest.apiVersion} ${manifest.kind}`
  const validate = VALIDATORS[type]
  if (!validate) return [`${type} is not known`]
  const unread = new Set<string>()
  validate(watched(manifest, '', unread))
  const errors = (validate.errors ?? []).map(
    ({ instancePath, keyword, params }) => `${instancePath}: ${keyword} ${JSON.stringify(params)}`
  )
  return [...errors, ...[...unread].map((path) => `${path} is unknown`)]
}

/** Wraps a value. The schemas allow unknown fields, but a validator reads each field that it knows: the rest stays in `unread`. */
function watched(value: unknown, path: string, unread: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value
  for (const key of Object.keys(value)) unread.add(`${path}/${key}`)
  return new Proxy(value, {
    get(target, key) {
      const field = Reflect.get(target, key)
      if (typeof key === 'symbol' || !Object.hasOwn(target, key)) return field
      unread.delete(`${path}/${key}`)
      return watched(field, `${path}/${key}`, unread)
    }
  })
}
