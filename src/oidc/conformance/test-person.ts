import type { TestPerson } from '../../services/people/test-person.ts';

/** Typed by the browser of the conformance suite. The password is public: use it for nothing else. */
export const TEST_LOGIN = 'conformance.person';
export const TEST_PASSWORD = 'Kinpass-Conformance-2026';

export const TEST_PERSON_ID = '99000000-0000-4000-8000-000000000001';

const EMAIL = 'conformance.person@kinpass.example';
const MOBILE = '+886900000990';
const NAME = '測試 適合';

/** All standard claims of OpenID Connect Core 1.0, section 5.1. Other people have only a few of them. */
export const STANDARD_CLAIMS = {
  name: NAME,
  given_name: '適合',
  family_name: '測試',
  middle_name: '性',
  nickname: '小適',
  preferred_username: TEST_LOGIN,
  profile: 'https://kinpass.example/people/conformance',
  picture: 'https://kinpass.example/people/conformance.png',
  website: 'https://kinpass.example/',
  gender: 'unknown',
  birthdate: '2000-01-01',
  zoneinfo: 'Asia/Taipei',
  locale: 'en',
  email: EMAIL,
  email_verified: true,
  phone_number: MOBILE,
  phone_number_verified: true,
  address: {
    formatted: '示範路 1 號\n示範市 99999\nTaiwan',
    street_address: '示範路 1 號',
    locality: '示範市',
    postal_code: '99999',
    country: 'Taiwan',
  },
};

/** The account that the conformance profile inserts at the start. */
export const TEST_PERSON: TestPerson = {
  id: TEST_PERSON_ID,
  name: NAME,
  locale: 'en',
  password: TEST_PASSWORD,
  identifiers: [
    { id: '99000000-0000-4000-8000-100000000000', kind: 'account', value: TEST_LOGIN },
    { id: '99000000-0000-4000-8000-100000000001', kind: 'email', value: EMAIL },
    { id: '99000000-0000-4000-8000-100000000002', kind: 'mobile', value: MOBILE },
  ],
  school: { code: '999999', name: 'OpenID 適合性測試', nameEn: 'OpenID conformance', type: 'senior_high' },
};
