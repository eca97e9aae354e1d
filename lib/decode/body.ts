/** The fields of a body on their way into the event that a decoder is making. Each decoder sets all of them, always in the same order. */
export type Body<T> = { -readonly [K in keyof T]: T[K] };
