import { libraryBuild } from '../../scripts/library-build.ts';

export default libraryBuild({
  entry: [
    'src/index.ts',
    'src/data/fflate.ts',
    'src/node/index.ts',
    'src/node/dcm2niix-worker.ts',
    'src/node/lazy-fflate.ts',
    'src/synthetic/index.ts',
    'src/transcode/index.ts',
  ],
  platform: 'neutral',
  overrides: { external: ['#fflate'] },
});
