import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts', 'src/node/index.ts', 'src/synthetic/index.ts'],
  format: 'esm',
  platform: 'neutral',
  target: 'es2024',
  sourcemap: true,
  clean: true,
  dts: { compilerOptions: { composite: false, incremental: false, customConditions: [] } },
});
