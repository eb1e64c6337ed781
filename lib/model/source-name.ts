declare const SOURCE_NAME: unique symbol

/** The name of a source of your own, as `defineSource` returned it. */
export type SourceName = string & { readonly [SOURCE_NAME]: true }
