import { libraryBuild } from '../../scripts/library-build.ts';

export default libraryBuild({
  entry: [
    'src/index.ts',
    'src/node/index.ts',
    'src/node/dcm2niix-worker.ts',
    'src/synthetic/index.ts',
    'src/transcode/index.ts',
  ],
  platform: 'neutral',
});
