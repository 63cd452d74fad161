/** A DICOMweb service in a server of Node. */
export { createNodeListener } from './create-node-listener.ts';
