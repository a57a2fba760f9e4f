/**
 * Who else than its owner can read a file, by its permission bits. Others are every user of the machine, which is never right for
 * a secret. A group may be meant: Kubernetes gives a volume to the group of the pod (`fsGroup`), compose a secret to root's.
 */
export function isReadableByOthers(mode: number): boolean {
  return (mode & 0o007) !== 0
}

export function isReadableByGroup(mode: number): boolean {
  return (mode & 0o070) !== 0
}
