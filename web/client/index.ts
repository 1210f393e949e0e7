/** The one place the front ends import wire types from. */
export type * from './types'
