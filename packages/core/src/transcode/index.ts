export { canTranscode, transcode, transcodingTargets } from './transcode.ts';
