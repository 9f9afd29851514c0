/**
 * Counters and gauges by name and label. Kept as plain numbers so that counting costs an addition;
 * whoever exposes them (stats, reports, tests) reads a snapshot.
 */
export class Metrics {
  readonly #values = new Map<string, number>();

  /** Adds to a counter or moves a gauge; `label` is one value out of a small closed set. */
  add(name: string, label = "", by = 1): void {
    const key = label === "" ? name : `${name}{${label}}`;
    this.#values.set(key, (this.#values.get(key) ?? 0) + by);
  }

  /** Now's value; 0 for what was never counted. */
  get(name: string, label = ""): number {
    return this.#values.get(label === "" ? name : `${name}{${label}}`) ?? 0;
  }

  /** Every value, keyed `name` or `name{label}`. */
  snapshot(): ReadonlyMap<string, number> {
    return new Map(this.#values);
  }
}
