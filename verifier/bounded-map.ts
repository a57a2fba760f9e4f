/** A Map that drops its oldest entry instead of growing beyond its bound. */
export class BoundedMap<K, V> extends Map<K, V> {
  readonly #bound: number

  constructor(bound: number) {
    super()
    this.#bound = bound
  }

  override set(key: K, value: V): this {
    if (this.size >= this.#bound && !this.has(key)) this.delete(this.keys().next().value as K)
    return super.set(key, value)
  }
}
