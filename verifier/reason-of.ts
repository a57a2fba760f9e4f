/** Says in one line what went wrong. The reason of a failed `fetch` is in its `cause`. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? `${message} (${cause.message})` : message
}
