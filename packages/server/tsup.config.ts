import { libraryBuild } from '../../scripts/library-build.ts';

export default libraryBuild({
  entry: ['src/index.ts', 'src/cli/main.ts', 'src/cli/pseudonymize-worker.ts'],
  platform: 'node',
  // Its eight modules each take Node a millisecond or two to find and link, and import built-ins.
  overrides: { noExternal: ['commander'] },
});
