//! The hash of a channel binding, for certificates that `openssl req -x509 -subj /CN=a` has made with each kind of signature.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::*;

const EC_SHA1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBajCCARKgAwIBAgIUerZjAtfAXyCBSvOh/32ZrO5Df4QwCQYHKoZIzj0EATAM
MQowCAYDVQQDDAFhMB4XDTI2MTEyNzIwMzg0N1oXDTM2MTEyNDIwMzg0N1owDDEK
MAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKYaaN/n9e4ORaVC
+mhrzm2RxxWltRWjAomUgTCYQcoAip9t61I07Wbhx30JCQjELL+HjYvT9+fcQK2L
WSnmj5mjUzBRMB0GA1UdDgQWBBQfb3a3BRs7/HfE1MAGvxHAlQ4w/DAfBgNVHSME
GDAWgBQfb3a3BRs7/HfE1MAGvxHAlQ4w/DAPBgNVHRMBAf8EBTADAQH/MAkGByqG
SM49BAEDRwAwRAIfNI/JIByypJT60zxBjD4Lyrde710TlLshcANJvLfmFgIhAMVk
lL20KH12YE+xOazhYBS45DKGMLHedu5EGoTlyCXr
-----END CERTIFICATE-----";

const RSA_MD5: &str = "\
-----BEGIN CERTIFICATE-----
MIIB9DCCAV2gAwIBAgIUdawKN9cUV7NwZ965drRm4QRN2RUwDQYJKoZIhvcNAQEE
BQAwDDEKMAgGA1UEAwwBYTAeFw0yNjExMjcyMDM4NDdaFw0yNjEyMjcyMDM4NDda
MAwxCjAIBgNVBAMMAWEwgZ8wDQYJKoZIhvcNAQEBBQADgY0AMIGJAoGBALlUmCdR
m+GoYjL0uAVymJ9KHZvFAcko2t5NalAY6w6/ZSH26rwD1H5TYJn9YH5/oNCWh6h6
snZAFm/+aY4KD7uJOReIa9EExamsiL8fEuWlS5j+1COSiQM33LpgB7ZVfA6FHtC8
GD13NnhVjU/ZQv/cIJp+T3g5399kl/sy692HAgMBAAGjUzBRMB0GA1UdDgQWBBT/
orW3ryMKruefOCFORz8fa4RzZjAfBgNVHSMEGDAWgBT/orW3ryMKruefOCFORz8f
a4RzZjAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBBAUAA4GBAJ/jLs0VEjdO
U19INxzcYBlhL75A3s6iCgVU6ftRyAGzYbHSs3YuYMNZxH2pRs1lD3azD8OTabn5
GtM+7M2GarlKwWtjC0GBdW0VcYt4uc5dgeKigkNED5QwxjzkWaeW/IUB1xZrABMB
B7QlO9Yql59BNGzQzzgwrk/qQ2ZjloD0
-----END CERTIFICATE-----";

const EC_SHA384: &str = "\
-----BEGIN CERTIFICATE-----
MIIBbTCCAROgAwIBAgIUHzoYW3/KhW/JjsVzOieRKaz8YzMwCgYIKoZIzj0EAwMw
DDEKMAgGA1UEAwwBYTAeFw0yNjExMjcyMDM4NDdaFw0yNjEyMjcyMDM4NDdaMAwx
CjAIBgNVBAMMAWEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASmGmjf5/XuDkWl
Qvpoa85tkccVpbUVowKJlIEwmEHKAIqfbetSNO1m4cd9CQkIxCy/h42L0/fn3ECt
i1kp5o+Zo1MwUTAdBgNVHQ4EFgQUH292twUbO/x3xNTABr8RwJUOMPwwHwYDVR0j
BBgwFoAUH292twUbO/x3xNTABr8RwJUOMPwwDwYDVR0TAQH/BAUwAwEB/zAKBggq
hkjOPQQDAwNIADBFAiEAyJX1goKOZV3K15lJOFTRcelXua6KC4r3pilSe08C1PsC
IGj6kIcrgdt5JiFLMstTWuoJhuZf6HReMfJ6SXPOvF+8
-----END CERTIFICATE-----";

const PSS_SHA512: &str = "\
-----BEGIN CERTIFICATE-----
MIICUjCCAYygAwIBAgIUazl+gTFV4p/+T5WzsTCFm6UCQoIwPAYJKoZIhvcNAQEK
MC+gDzANBglghkgBZQMEAgMFAKEcMBoGCSqGSIb3DQEBCDANBglghkgBZQMEAgMF
ADAMMQowCAYDVQQDDAFhMB4XDTI2MTEyNzIwMzg0N1oXDTI2MTIyNzIwMzg0N1ow
DDEKMAgGA1UEAwwBYTCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEAuVSYJ1Gb
4ahiMvS4BXKYn0odm8UBySja3k1qUBjrDr9lIfbqvAPUflNgmf1gfn+g0JaHqHqy
dkAWb/5pjgoPu4k5F4hr0QTFqayIvx8S5aVLmP7UI5KJAzfcumAHtlV8DoUe0LwY
PXc2eFWNT9lC/9wgmn5PeDnf32SX+zLr3YcCAwEAAaNTMFEwHQYDVR0OBBYEFP+i
tbevIwqu5584IU5HPx9rhHNmMB8GA1UdIwQYMBaAFP+itbevIwqu5584IU5HPx9r
hHNmMA8GA1UdEwEB/wQFMAMBAf8wPAYJKoZIhvcNAQEKMC+gDzANBglghkgBZQME
AgMFAKEcMBoGCSqGSIb3DQEBCDANBglghkgBZQMEAgMFAAOBgQBmNVmH3PRgHwWN
DUXV8EwNx4+4BXWU4OSC74RW9Ju7s4uucqcl+xz1LvvYfsT6JJd7b0C6PZLYnqsv
6YlVL4AOOKPB6+Xdaynobc3Js5AQbdO7HqoYyTsuJanxUyaNqHoBcROpj0Dn+36P
jjMYRZPa3Z3A83ToGg1BtFGQmjj6QA==
-----END CERTIFICATE-----";

const ED25519: &str = "\
-----BEGIN CERTIFICATE-----
MIIBLDCB36ADAgECAhQGRhxNTCOnX+6fQF6TsVWxjQUTpDAFBgMrZXAwDDEKMAgG
A1UEAwwBYTAeFw0yNjExMjcyMDM4NDdaFw0yNjEyMjcyMDM4NDdaMAwxCjAIBgNV
BAMMAWEwKjAFBgMrZXADIQBptwoi9UUvxr5pJV80ACdfo46ZO9Fsj4f6jyRjuF3b
hKNTMFEwHQYDVR0OBBYEFNxMjqw9b/7s+MhwD8sl2O8GN8SPMB8GA1UdIwQYMBaA
FNxMjqw9b/7s+MhwD8sl2O8GN8SPMA8GA1UdEwEB/wQFMAMBAf8wBQYDK2VwA0EA
Qeoj5/QpyJE1lBWtPVVHx613dfWx2aMy1iAD2cirW9gE4GVs9oyYKsnNJ9WwfQBJ
iQkwqkdrJKlVR6iVlMeyAA==
-----END CERTIFICATE-----";

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

#[test]
fn the_hash_is_that_of_the_signature_but_for_weak_ones() {
    for pem in [EC_SHA1, RSA_MD5] {
        let der = der(pem);
        assert_eq!(end_point(&der), Ok(Sha256::digest(&der).to_vec()));
    }
    let certificate = der(EC_SHA384);
    let expected = Sha384::digest(&certificate).to_vec();
    assert_eq!(end_point(&certificate), Ok(expected));
    // RSA-PSS has the hash among its parameters.
    let certificate = der(PSS_SHA512);
    let expected = Sha512::digest(&certificate).to_vec();
    assert_eq!(end_point(&certificate), Ok(expected));
}

#[test]
fn an_algorithm_without_a_hash_is_an_error() {
    let error = end_point(&der(ED25519)).unwrap_err();
    assert!(error.contains("1.3.101.112"), "{error}");
}

#[test]
fn garbage_is_an_error() {
    let whole = der(EC_SHA384);
    for length in 0..whole.len() {
        assert!(end_point(&whole[..length]).is_err());
    }
}

#[test]
fn names_and_times_are_read() {
    let certificate = Certificate::parse(&der(EC_SHA1)).unwrap();
    assert_eq!(certificate.common_name().as_deref(), Some("a"));
    assert_eq!(certificate.alternative_names(), Ok(Vec::new()));
    assert!(certificate.is_self_issued());
    assert_eq!(certificate.check_use(0), Err("it is not valid yet"));
    assert_eq!(certificate.check_use(u64::MAX), Err("it has expired"));
}
