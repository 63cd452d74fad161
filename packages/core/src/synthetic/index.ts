export * from './synthetic-instance.ts';
export * from './synthetic-study.ts';
export * from './types.ts';
