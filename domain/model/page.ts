export interface Page {
  limit: number
  /** Id of the last item on the previous page. */
  after?: string | undefined
}
