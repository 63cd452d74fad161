import { libraryBuild } from '../../scripts/library-build.ts';

export default libraryBuild({
  entry: ['src/index.ts', 'src/cli/main.ts', 'src/cli/pseudonymize-worker.ts'],
  platform: 'node',
});
