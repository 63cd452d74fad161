export {
  INSTANCE_PATH_TAGS,
  type InstancePath,
  type InstancePathOptions,
  instancePath,
  type PathFolder,
} from './instance-path.ts';
export { safeName } from './safe-name.ts';
