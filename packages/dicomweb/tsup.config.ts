import { libraryBuild } from '../../scripts/library-build.ts';

export default libraryBuild({
  entry: ['src/index.ts', 'src/node/index.ts', 'src/transport/node.ts', 'src/transport/web.ts'],
  platform: 'node',
  declarations: ['src/index.ts', 'src/node/index.ts'],
  // Chosen by whoever runs or bundles the package: the one for Node or the one for browsers.
  overrides: { external: ['#transport'] },
});
