#!/usr/bin/env node
// Committed so that package managers can link the command before the first build.
import { enableCompileCache } from 'node:module';

// Compiling again what did not change takes longer than many a command.
enableCompileCache();
await import('../dist/cli/main.js');
