//! The enrollment of a second factor: the server offers a secret, and the person proves by a code that their app has it.
//! The offered secret is not stored. It travels encrypted in the form, bound to who it was offered to.

use auth::{NewSecondFactor, OneTimeLink, RecoveryCode, SecondFactor, StoredUser, TotpSecret, UserId};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{OrganizationId, Timestamp};

use crate::{error::PeopleError, people::People};

/// A secret that is offered to a person for their authenticator app.
#[derive(Debug)]
pub struct SecondFactorOffer {
    /// The secret, which the page shows.
    pub secret: TotpSecret,
    /// The encrypted secret, which the form sends back.
    pub sealed: String,
}

/// The part of a form that enrolls a second factor.
#[derive(Clone, Copy, Debug)]
pub struct EnrollmentForm<'a> {
    /// [`SecondFactorOffer::sealed`].
    pub sealed: &'a str,
    /// The code that the app shows.
    pub code: &'a str,
}

/// Names a user that a secret is offered to.
pub(crate) fn offer_to_user(user: &StoredUser) -> String {
    format!("enrollment of {} {}", user.meta.organization, user.meta.id)
}

/// Names the holder of a link that a secret is offered to.
pub(crate) fn offer_to_link(link: &OneTimeLink) -> String {
    format!("enrollment by link {}", link.token.to_hex())
}

/// The owner of a stored secret.
pub(crate) fn owner(organization: OrganizationId, user: UserId) -> String {
    format!("{organization} {user}")
}

impl People {
    pub(crate) fn offer(&self, to: &str) -> SecondFactorOffer {
        let secret = self.parts.second_factors.generate(&*self.parts.entropy);
        let ciphertext = self.parts.second_factors.encrypt(&*self.parts.entropy, to, &secret);
        SecondFactorOffer { secret, sealed: URL_SAFE_NO_PAD.encode(ciphertext) }
    }

    /// Returns the offer that a form of this user sent back, so that a page can show it again after a wrong code; a new
    /// one if it was altered or was another's.
    #[must_use]
    pub fn offer_second_factor_again(&self, user: &StoredUser, sealed: &str) -> SecondFactorOffer {
        self.offer_again(&offer_to_user(user), sealed)
    }

    /// Returns the offer that the form of whoever holds the link sent back, so that a page can show it again after an
    /// error; a new one if it was altered or was another's.
    #[must_use]
    pub fn offer_second_factor_by_link_again(&self, link: &OneTimeLink, sealed: &str) -> SecondFactorOffer {
        self.offer_again(&offer_to_link(link), sealed)
    }

    fn offer_again(&self, to: &str, sealed: &str) -> SecondFactorOffer {
        let decoded = URL_SAFE_NO_PAD.decode(sealed).ok();
        match decoded.and_then(|ciphertext| self.parts.second_factors.decrypt(to, &ciphertext)) {
            Some(secret) => SecondFactorOffer { secret, sealed: sealed.to_owned() },
            None => self.offer(to),
        }
    }

    /// Checks the code of an offered secret, and encrypts the secret for its owner, with new recovery codes.
    ///
    /// # Errors
    /// [`PeopleError::Invalid`] for the field `code`.
    pub(crate) fn accept_offer(
        &self,
        to: &str,
        form: EnrollmentForm<'_>,
        (organization, user): (OrganizationId, UserId),
        now: Timestamp,
    ) -> Result<(NewSecondFactor, Vec<RecoveryCode>), PeopleError> {
        let factors = &self.parts.second_factors;
        let sealed = URL_SAFE_NO_PAD.decode(form.sealed).ok();
        let secret = sealed.and_then(|sealed| factors.decrypt(to, &sealed)).ok_or_else(|| {
            PeopleError::field("code", "belongs to a key that is not offered any more: load the page again")
        })?;
        let code: String = form.code.chars().filter(|c| !c.is_whitespace()).collect();
        let step = factors.matching_step(&secret, &code, now).ok_or_else(|| {
            PeopleError::field(
                "code",
                "is not the one that the key has now: check the clock of the phone, and wait for the next code",
            )
        })?;
        let ciphertext = factors.encrypt(&*self.parts.entropy, &owner(organization, user), &secret);
        let codes = RecoveryCode::generate_all(&*self.parts.entropy);
        let recovery_codes = codes.iter().map(|code| code.hash(organization, user)).collect();
        let factor = SecondFactor { ciphertext, enrolled_at: now, last_step: step };
        Ok((NewSecondFactor { factor, recovery_codes }, codes))
    }
}
