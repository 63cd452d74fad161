export * from './adit.ts';
export * from './chromium.ts';
export * from './dcmtk.ts';
export * from './dicom-file.ts';
export * from './free-port.ts';
export * from './orthanc.ts';
export * from './program.ts';
export * from './temp-folder.ts';
