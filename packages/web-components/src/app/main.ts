import './adit-app.ts';
