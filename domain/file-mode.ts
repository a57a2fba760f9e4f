/**
 * Returns whether all users of the machine can read a file, which is never right for a secret. A group may be intended:
 * Kubernetes gives a volume to the pod's group (`fsGroup`), and compose gives a secret to root's group.
 */
export function isReadableByOthers(mode: number): boolean {
  return (mode & 0o007) !== 0
}

export function isReadableByGroup(mode: number): boolean {
  return (mode & 0o070) !== 0
}
