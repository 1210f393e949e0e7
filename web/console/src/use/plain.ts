/** A deep copy of wire data, also out of Vue's reactive wrappers, which the browser's own cloning refuses. */
export const plainCopy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T
