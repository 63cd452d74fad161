import { libraryBuild } from '../../scripts/library-build.ts';

export default libraryBuild({ entry: ['src/index.ts', 'src/openapi/index.ts'], platform: 'neutral' });
